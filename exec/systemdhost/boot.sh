# What becomes the first process of a host: it makes the host's root and hands over to systemd. It is in namespaces of its own already.
# ROOT is an empty directory, CONF what the host has in /etc/systemd, NAME its name, COPY directories whose files go into its root, MORE a
# script that runs before systemd does, and each argument a directory that the host shares with this machine.
mount --make-rprivate /
mount -t tmpfs -o mode=755 host "$ROOT"
cd "$ROOT"
mkdir -p usr etc proc sys dev tmp run var/lib var/log srv root old
ln -s /run var/run
chmod 1777 tmp
for link in bin sbin lib lib32 lib64 libx32; do
  [ ! -L "/$link" ] || ln -s "$(readlink "/$link")" "$link"
done
cp -a /etc/. etc
rm -rf etc/systemd etc/init.d etc/rc?.d
cp -r "$CONF/." etc/systemd
for dir in $COPY; do
  cp -a "$dir/." .
done
echo "$NAME" >etc/hostname
for share do
  mkdir -p ".$share"
  mount --bind "$share" ".$share"
done
mount --bind /usr usr
mount -o remount,bind,ro usr
# Of the machine's units only what every host has: nothing here is to set up hardware, disks or users.
mount -t tmpfs -o mode=755 units usr/lib/systemd/system
for unit in sysinit.target basic.target sockets.target shutdown.target systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket \
  dbus.service dbus.socket; do
  cp "/usr/lib/systemd/system/$unit" usr/lib/systemd/system
done
mount -t tmpfs -o mode=755 generators usr/lib/systemd/system-generators
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mkdir run/sshd run/log
mount -t tmpfs -o mode=755 dev dev
for node in null zero full random urandom tty; do
  : >"dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
pivot_root . old
cd /
umount -l /old
rmdir /old
[ -s /etc/machine-id ] || head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >/etc/machine-id
install -d -g systemd-journal -m 2755 /run/log/journal
eval "$MORE"
exec env -i container=other PATH="$PATH" setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-syslog \
  /usr/lib/systemd/systemd --unit=host.target --log-target=journal --show-status=no
