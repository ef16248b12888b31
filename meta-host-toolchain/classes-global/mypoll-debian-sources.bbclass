# SPDX-License-Identifier: MIT OR Apache-2.0
# A mirror with other file names, which MIRRORS can't express. SRC_URI and its checksums stay the recipe's.
python fetch_from_debian() {
    import re

    rules = d.getVar("DEBIAN_SOURCES").split()
    for uri in d.getVar("SRC_URI").split():
        source, *parameters = uri.split(";")
        for pattern, path in zip(rules[::2], rules[1::2]):
            if not re.fullmatch(pattern, source):
                continue
            mirrored = ";".join([f"{d.getVar('DEBIAN_MIRROR')}/{re.sub(pattern, path, source)}",
                                 f"downloadfilename={os.path.basename(source)}", *parameters])
            try:
                bb.fetch2.Fetch([mirrored], d).download()
            except bb.fetch2.BBFetchException as error:
                bb.note(f"Debian does not have {source}: {error}")
}
do_fetch[prefuncs] += "fetch_from_debian"
fetch_from_debian[vardepsexclude] += "DEBIAN_SOURCES DEBIAN_MIRROR"

python debian_source_gone() {
    if e.taskname != "do_fetch":
        return
    mirror = d.getVar("DEBIAN_MIRROR")
    for uri in d.getVar("SRC_URI").split():
        if uri.startswith(f"{mirror}/") and not os.path.exists(bb.fetch2.FetchData(uri, d).localpath):
            bb.error(f"{os.path.basename(uri)} is not available from {mirror}, which only has the sources of Debian's current releases. "
                     "Get the file from Debian's archive of snapshots and put it into DL_DIR, or set apt to that archive; or build without TCMODE \"host\".")
}
debian_source_gone[eventmask] = "bb.build.TaskFailed"
addhandler debian_source_gone
