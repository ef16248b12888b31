// SPDX-License-Identifier: MIT OR Apache-2.0
//! Generates man pages and completions from the programs' option definitions, because cross-compiled programs cannot run
//! here to generate their own. Also collects the licences of linked crates.

mod licences;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

// Only this file of the agent: the agent's crate and its dependencies would be compiled for the build machine.
#[path = "../mypoll-agent/src/cli.rs"]
mod agent;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=MYPOLL_MANUAL");
    for file in [
        "../../Cargo.lock",
        "../mypoll-agent/src/cli.rs",
        "licences.rs",
    ] {
        println!("cargo::rerun-if-changed={file}");
    }
    let own = env::var_os("OUT_DIR").unwrap_or_default();
    let folder = PathBuf::from(env::var_os("MYPOLL_MANUAL").unwrap_or(own));
    println!("cargo::rustc-env=MYPOLL_MANUAL_FOLDER={}", folder.display());
    write(&folder, mypollctl::Cli::command())?;
    write(&folder, agent::Cli::command())?;
    let licences = folder.join("licenses/mypoll-agent");
    fs::create_dir_all(&licences)?;
    let target = env::var("TARGET").map_err(io::Error::other)?;
    fs::write(licences.join("crates.txt"), licences::bundle(&target)?)
}

/// Writes the files of a program, laid out as below `/usr/share`.
fn write(share: &Path, mut program: Command) -> io::Result<()> {
    let folder = |name: &str| {
        let folder = share.join(name);
        fs::create_dir_all(&folder).map(|()| folder)
    };
    let name = program.get_name().to_owned();
    clap_mangen::generate_to(program.clone(), folder("man/man1")?)?;
    let mut complete =
        |shell, folder| clap_complete::generate_to(shell, &mut program, &name, folder);
    // Bash looks for a file named after the program.
    let bash = complete(Shell::Bash, folder("bash-completion/completions")?)?;
    fs::rename(&bash, bash.with_file_name(&name))?;
    complete(Shell::Zsh, folder("zsh/site-functions")?)?;
    complete(Shell::Fish, folder("fish/vendor_completions.d")?)?;
    Ok(())
}
