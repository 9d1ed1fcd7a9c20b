#!/usr/bin/env bash
# The README's commands in a slim Debian of another release, with another Python.
#
#     sudo bash tests/elsewhere/debian.sh [RELEASE [TARGET ...]]
#
# RELEASE is trixie (Python 3.13) where none is named, the targets are those of `make`, here
# `book test`. What is committed is cloned into a folder with a space in its name, beside nothing
# but what README.md asks for on Debian. The system is made anew in _build/debian/RELEASE and
# removed at the end; KEEP=1 keeps it. It takes some eight gigabytes, since torch comes with CUDA,
# and needs debootstrap and unshare (util-linux).
set -euo pipefail
cd "$(dirname "$0")/../.."

release=${1:-trixie}
shift || true
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(book test)
system=$PWD/_build/debian/$release

for program in debootstrap unshare git; do
    command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 1; }
done
[ "$(id -u)" -eq 0 ] || { echo "only root can change the root folder: use sudo" >&2; exit 1; }

# What README.md says that Debian needs, read from there.
needs=$(tr '\n' ' ' < README.md | sed -n 's/.*on Debian and Ubuntu, `apt-get install \([^`]*\)`.*/\1/p')
[ -n "$needs" ] || { echo "README.md no longer says what Debian needs" >&2; exit 1; }

rm -rf --one-file-system "$system"
mkdir -p "$system"
[ -n "${KEEP:-}" ] || trap 'rm -rf --one-file-system "$system"' EXIT
debootstrap --variant=minbase --include="$(echo $needs | tr ' ' ,)" "$release" "$system" \
    > "$system.log" || { tail -n 20 "$system.log" >&2; exit 1; }
git clone --quiet . "$system/root/a book"
# who reaches packages by own certificates or settings of pip does so there, too
certificates=${PIP_CERT:-${SSL_CERT_FILE:-}}
[ -z "$certificates" ] || install -D "$certificates" "$system/$certificates"
cp /etc/resolv.conf "$system/etc/resolv.conf"

# Its own processes and mounts, which end with it. Shared memory is what process pools need.
exec_in='mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/dev/shm" && exec chroot "$0" "$@"'
unshare --mount --pid --fork --kill-child bash -c "$exec_in" "$system" \
    env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
    ${certificates:+"PIP_CERT=$certificates"} \
    sh -c 'cd "/root/a book" && python3 --version && make "$@"' sh "${targets[@]}"
