// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shell functions for scripts in the guest: simulated chips and the agent's log.

use lab::vm::machine::Machine;

use crate::sh;

/// Functions that create and remove chips with eight lines, and wait for the agent.
const SHELL: &str = r#"
set -eu
configfs=/sys/kernel/config/gpio-sim
# chip NAME LABEL [LINE-NAME]: line 3 has the name.
chip() {
    mkdir -p $configfs/$1/bank/line3
    echo 8 >$configfs/$1/bank/num_lines
    echo "$2" >$configfs/$1/bank/label
    echo "${3:-green}" >$configfs/$1/bank/line3/name
    echo 1 >$configfs/$1/live
}
remove() {
    for name; do
        echo 0 >$configfs/$name/live
        rmdir $configfs/$name/bank/line3 $configfs/$name/bank $configfs/$name
    done
}
# of NAME FILE [LINE]: the path of an attribute of line 3 or another line.
of() {
    echo /sys/devices/platform/$(cat $configfs/$1/dev_name)/$(cat $configfs/$1/bank/chip_name)/sim_gpio${3:-3}/$2
}
device() {
    echo /dev/$(cat $configfs/$1/bank/chip_name)
}
# shows NAME LEVEL: waits until line 3 has the level.
shows() {
    until [ "$(cat $(of $1 value))" = $2 ]; do sleep 0.1; done
}
logged() {
    until grep -q "$1" /tmp/agent.log; do sleep 0.1; done
}
count() {
    grep -c "$1" /tmp/agent.log || true
}
order() {
    mypollctl --connect 127.0.0.1:7071 set "$@"
}
end() {
    pid=$(cat /run/mypoll-agent.pid)
    kill -TERM $pid
    while kill -0 $pid 2>/dev/null; do sleep 0.1; done
}
"#;

/// Like [`sh`], with these functions.
pub fn shell(machine: &Machine, script: &str) -> String {
    sh(machine, &format!("{SHELL}{script}"))
}
