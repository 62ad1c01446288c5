# break takes the lock from run, if that still holds it. A script of that run which is at work keeps the guard to its
# end; it is not waited for, because nobody takes the lock before.
open_guard
flock -w 2 9 || fact busy yes
line run
[ "$_ln" = "$run" ] || { look; fact moved yes; die "$run does not hold the lock any more"; }
vacate
rm -f -- "$d/owner" "$d/since" "$d/reason"
