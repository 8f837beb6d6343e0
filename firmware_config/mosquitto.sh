#!/bin/sh
# Make a mosquitto binary available for tests and the demo, without a broker that is left running. A second call is
# quick. Prints the path of the binary; `edge/broker/private.py` finds it there by itself.
#
#   mosquitto.sh [FOLDER]     default: ~/.cache/edge-gate/mosquitto
#
# `apt-get install mosquitto` would enable a service on port 1883 of this machine. So its packages are only downloaded
# and unpacked, together with the libraries that are missing here. Nothing is installed; removing FOLDER removes it all.
set -eu
folder=${1:-${HOME:?}/.cache/edge-gate/mosquitto}
binary=$folder/mosquitto

say() { echo "mosquitto: $*" >&2; }
stop() { say "$1"; echo "hint: $2" >&2; exit 1; }
# Without arguments it would listen on 1883; with -h it prints its version and ends (with status 3).
works() { "$1" -h 2>/dev/null | grep -q '^mosquitto version 2\.'; }

for found in "$binary" "$(command -v mosquitto || true)" /usr/sbin/mosquitto; do
    if [ -x "$found" ] && works "$found"; then
        echo "$found"
        exit 0
    fi
done

hint='install mosquitto 2.0.11 or later yourself, and disable its service: systemctl disable --now mosquitto'
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    stop "there is no mosquitto here, and no apt-get to download it with" "$hint"

mkdir -p "$folder"
work=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/debs" "$work/root"

download() { (cd "$work/debs" && apt-get -q download "$@" >/dev/null 2>"$work/log"); }
# What mosquitto needs beyond what is installed; alternatives and virtual packages are apt's business.
needed=$(apt-get -q --simulate --no-install-recommends install mosquitto 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p' || true)
if [ -z "$needed" ] || ! download $needed; then
    [ "$(id -u)" = 0 ] || stop "apt knows no package mosquitto" "sudo apt-get update, then try again; or $hint"
    say "asking apt for its lists"
    apt-get -q update >/dev/null 2>"$work/log" || stop "apt-get update failed: $(tail -n 1 "$work/log")" "$hint"
    needed=$(apt-get -q --simulate --no-install-recommends install mosquitto 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
    download $needed || stop "apt cannot download it: $(tail -n 1 "$work/log")" "$hint"
fi
for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/root"
done

rm -rf "$folder/root"
mv "$work/root" "$folder/root"
libraries=$(find "$folder/root" -name '*.so*' -exec dirname {} + | sort -u | tr '\n' ':')
cat >"$work/mosquitto" <<END
#!/bin/sh
# Made by firmware_config/mosquitto.sh. exec: whoever started us owns the broker's process, and ends it.
LD_LIBRARY_PATH='${libraries%:}' exec '$folder/root/usr/sbin/mosquitto' "\$@"
END
chmod 755 "$work/mosquitto"
works "$work/mosquitto" || stop "what was unpacked in $folder does not run" "$hint"
mv "$work/mosquitto" "$binary"
say "unpacked in $folder; nothing was installed, nothing is running"
echo "$binary"
