/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz/gen.h"

/* Recorded under kernel 6.18 and auditd 3.0.9, RAW and ENRICHED; the SELinux ones are written after the
 * kernel's avc_audit_pre_callback() and dbus-daemon's messages. */
const char *const gen_seeds[] = {
        "type=SYSCALL msg=audit(1795336266.669:116171): arch=c000003e syscall=257 success=no exit=-13 a0=ff"
        "ffff9c a1=5640c6fe422e a2=0 a3=0 items=1 ppid=30769 pid=30777 auid=5101 uid=5101 gid=5101 euid=510"
        "1 suid=5101 fsuid=5101 egid=5101 sgid=5101 fsgid=5101 tty=(none) ses=5 comm=\"trig\" exe=\"/tmp/e2"
        "e/bin/trig\" key=\"e2e-file\"\035ARCH=x86_64 SYSCALL=openat AUID=\"e2eu\" UID=\"e2eu\" GID=\"e2eu"
        "\" EUID=\"e2eu\" SUID=\"e2eu\" FSUID=\"e2eu\" EGID=\"e2eu\" SGID=\"e2eu\" FSGID=\"e2eu\"",
        "type=SYSCALL msg=audit(1795336271.377:116356): arch=c000003e syscall=59 success=no exit=-2 a0=7ffc"
        "65be9f60 a1=7ffc65bea328 a2=7ffc65bea350 a3=55fb654d8b31b428 items=1 ppid=30769 pid=30912 auid=510"
        "1 uid=5101 gid=5101 euid=5101 suid=5101 fsuid=5101 egid=5101 sgid=5101 fsgid=5101 tty=(none) ses=5"
        " comm=\"setpriv\" exe=\"/usr/bin/setpriv\" key=6532652D65786563017365636F6E642D6B6579\035ARCH=x86_"
        "64 SYSCALL=execve AUID=\"e2eu\" UID=\"e2eu\" GID=\"e2eu\" EUID=\"e2eu\" SUID=\"e2eu\" FSUID=\"e2eu"
        "\" EGID=\"e2eu\" SGID=\"e2eu\" FSGID=\"e2eu\"",
        "type=SYSCALL msg=audit(1795336490.826:116944): arch=c000003e syscall=10 success=yes exit=0 a0=7f08"
        "4342e000 a1=1000 a2=1 a3=7f084342eed8 items=0 ppid=3160 pid=3226 auid=5101 uid=5101 gid=5101 euid="
        "5101 suid=5101 fsuid=5101 egid=5101 sgid=5101 fsgid=5101 tty=(none) ses=22 comm=\"trig\" exe=\"/tm"
        "p/e2e/bin/trig\" key=\"mem\"",
        "type=SYSCALL msg=audit(1795336493.386:116976): arch=c000003e syscall=59 success=no exit=-2 a0=7ffd"
        "c8252e80 a1=7ffdc8253248 a2=7ffdc8253270 a3=3c59dd2891ed8479 items=1 ppid=3160 pid=3303 auid=5101 "
        "uid=5101 gid=5101 euid=5101 suid=5101 fsuid=5101 egid=5101 sgid=5101 fsgid=5101 tty=(none) ses=22 "
        "comm=\"setpriv\" exe=\"/usr/bin/setpriv\" key=6532652D65786563017365636F6E642D6B6579",
        "type=PATH msg=audit(1795336266.669:116160): item=0 name=\"/tmp/e2e/run/u\" inode=10963153 dev=fe:0"
        "0 mode=040755 ouid=5101 ogid=5101 rdev=00:00 nametype=PARENT cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0"
        " cap_frootid=0\035OUID=\"e2eu\" OGID=\"e2eu\"",
        "type=PATH msg=audit(1795336488.714:116760): item=0 name=\"/etc/ld.so.cache\" inode=409606 dev=fe:0"
        "0 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_"
        "frootid=0",
        "type=CWD msg=audit(1795336266.669:116163): cwd=\"/tmp/e2e/run/u\"",
        "type=PROCTITLE msg=audit(1795336266.669:116151): proctitle=2F746D702F6532652F62696E2F7472696700666"
        "96C6573",
        "type=EXECVE msg=audit(1795336492.558:116962): argc=3 a0=\"tr\" a1=\"a-z\" a2=\"A-Z\"",
        "type=SOCKADDR msg=audit(1795336271.813:116364): saddr=020000017F0000010000000000000000\035SADDR={ "
        "saddr_fam=inet laddr=127.0.0.1 lport=1 }",
        "type=SOCKADDR msg=audit(1795336493.838:116985): saddr=020000007F0000010000000000000000",
        "type=USER_LOGIN msg=audit(1795336303.778:116609): pid=31697 uid=0 auid=5101 ses=13 msg='op=login i"
        "d=5101 exe=\"/usr/sbin/sshd\" hostname=127.0.0.1 addr=127.0.0.1 terminal=/dev/pts/1 res=success'"
        "\035UID=\"root\" AUID=\"e2eu\" ID=\"e2eu\"",
        "type=USER_LOGIN msg=audit(1795336573.655:117344): pid=9081 uid=0 auid=4294967295 ses=4294967295 ms"
        "g='op=login acct=\"e2eu\" exe=\"/tmp/e2e/bin/sshd-e2e\" hostname=? addr=127.0.0.1 terminal=sshd re"
        "s=failed'",
        "type=USER_AUTH msg=audit(1795336291.634:116550): pid=31454 uid=0 auid=4294967295 ses=4294967295 ms"
        "g='op=PAM:authentication grantors=? acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=127.0.0.1 addr=1"
        "27.0.0.1 terminal=ssh res=failed'\035UID=\"root\" AUID=\"unset\"",
        "type=USER_AUTH msg=audit(1795336463.018:116739): pid=2500 uid=0 auid=4294967295 ses=4294967295 msg"
        "='op=PAM:authentication grantors=pam_faillock,pam_permit acct=\"audpeer\" exe=\"/tmp/e2e/bin/sshd-"
        "e2e\" hostname=127.0.0.1 addr=127.0.0.1 terminal=ssh res=success'\035UID=\"root\" AUID=\"unset\"",
        "type=USER_AUTH msg=audit(1795336524.911:117230): pid=4924 uid=5101 auid=5101 ses=30 msg='op=PAM:au"
        "thentication grantors=pam_permit,pam_cap acct=\"audpeer\" exe=\"/usr/bin/su\" hostname=? addr=? te"
        "rminal=/dev/pts/1 res=success'",
        "type=USER_AUTH msg=audit(1795336583.139:117352): pid=9130 uid=0 auid=4294967295 ses=4294967295 msg"
        "='op=PAM:authentication grantors=pam_faillock,pam_permit acct=\"audpeer\" exe=\"/tmp/e2e/bin/sshd-"
        "e2e\" hostname=127.0.0.1 addr=127.0.0.1 terminal=ssh res=success'",
        "type=LOGIN msg=audit(1795336381.182:116701): pid=32458 uid=0 old-auid=4294967295 auid=5101 tty=(no"
        "ne) old-ses=4294967295 ses=19 res=1\035UID=\"root\" OLD-AUID=\"unset\" AUID=\"e2eu\"",
        "type=LOGIN msg=audit(1795336524.811:117226): pid=4851 uid=0 old-auid=4294967295 auid=5101 tty=(non"
        "e) old-ses=4294967295 ses=30 res=1",
        "type=CONFIG_CHANGE msg=audit(1795336464.718:116751): pid=3056 uid=0 auid=5101 ses=21 op=tty_set ol"
        "d-enabled=0 new-enabled=1 old-log_passwd=0 new-log_passwd=1 res=1\035UID=\"root\" AUID=\"e2eu\"",
        "type=CONFIG_CHANGE msg=audit(1795336584.835:117364): pid=9157 uid=0 auid=5101 ses=37 op=tty_set ol"
        "d-enabled=0 new-enabled=1 old-log_passwd=0 new-log_passwd=1 res=1",
        "type=USER_CMD msg=audit(1795336298.046:116562): pid=31516 uid=5101 auid=5101 ses=9 msg='cwd=\"/hom"
        "e/e2eu\" cmd=\"id\" exe=\"/usr/bin/sudo\" terminal=? res=success'\035UID=\"e2eu\" AUID=\"e2eu\"",
        "type=USER_CMD msg=audit(1795336520.067:117182): pid=3880 uid=5101 auid=5101 ses=26 msg='cwd=\"/hom"
        "e/e2eu\" cmd=\"id\" exe=\"/usr/bin/sudo\" terminal=? res=success'",
        "type=NETFILTER_CFG msg=audit(1795336276.069:116429): table=filter family=2 entries=4 op=xt_replace"
        " pid=31044 comm=\"iptables-legacy\"",
        "type=SECCOMP msg=audit(1795336273.129:116418): auid=5101 uid=5101 gid=5101 ses=5 pid=30974 comm=\""
        "trig\" exe=\"/tmp/e2e/bin/trig\" sig=31 arch=c000003e syscall=110 compat=0 ip=0x7f0e7520c4f7 code="
        "0x80000000\035AUID=\"e2eu\" UID=\"e2eu\" GID=\"e2eu\" ARCH=x86_64 SYSCALL=unknown-syscall(-1)",
        "type=SECCOMP msg=audit(1795336495.150:117038): auid=5101 uid=5101 gid=5101 ses=22 pid=3365 comm=\""
        "trig\" exe=\"/tmp/e2e/bin/trig\" sig=31 arch=c000003e syscall=110 compat=0 ip=0x7f0552a794f7 code="
        "0x80000000",
        "type=TTY msg=audit(1795336450.658:116726): tty pid=2359 uid=5101 auid=5101 ses=20 major=136 minor="
        "1 comm=\"bash\" data=636174203E202F6465762F6E756C6C0D657869740D\035UID=\"e2eu\" AUID=\"e2eu\"",
        "type=TTY msg=audit(1795336570.731:117339): tty pid=9064 uid=5101 auid=5101 ses=36 major=136 minor="
        "1 comm=\"bash\" data=636174203E202F6465762F6E756C6C0D657869740D",
        "type=ANOM_ABEND msg=audit(1795336273.965:116421): auid=5101 uid=5101 gid=5101 ses=5 pid=30994 comm"
        "=\"trig\" exe=\"/tmp/e2e/bin/trig\" sig=11 res=1\035AUID=\"e2eu\" UID=\"e2eu\" GID=\"e2eu\"",
        "type=ANOM_ABEND msg=audit(1795336495.978:117041): auid=5101 uid=5101 gid=5101 ses=22 pid=3385 comm"
        "=\"trig\" exe=\"/tmp/e2e/bin/trig\" sig=11 res=1",
        "type=BPF msg=audit(1795336274.801:116424): prog-id=98 op=UNLOAD",
        "type=UNKNOWN[1423] msg=audit(1795336277.818:116473): domain=17a2adc9c blockers=fs.read_file path="
        "\"/etc/hostname\" dev=\"vda\" ino=733",
        "type=MAC_IPSEC_EVENT msg=audit(1795336385.766:116711): op=SPD-delete auid=4294967295 ses=429496729"
        "5 res=1 src=127.0.0.1 dst=127.0.0.2\035AUID=\"unset\"",
        "type=MAC_IPSEC_EVENT msg=audit(1795336566.055:117323): op=SPD-delete auid=4294967295 ses=429496729"
        "5 res=1 src=127.0.0.1 dst=127.0.0.2",
        "type=MMAP msg=audit(1795336268.793:116318): fd=3 flags=0x812",
        "type=DAEMON_START msg=audit(1795336266.547:5034): op=start ver=3.0.9 format=enriched kernel=6.18.4"
        "4-fc-v669 auid=4294967295 pid=30749 uid=0 ses=4294967295 res=success\035AUID=\"unset\" UID=\"root"
        "\"",
        "type=SERVICE_START msg=audit(1795338126.287:2099469): pid=2036 uid=0 auid=4294967295 ses=429496729"
        "5 msg='unit=user@5101 comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal"
        "=? res=success'\035UID=\"root\" AUID=\"unset\"",
        "type=USER msg=audit(1795336280.002:116503): pid=31280 uid=0 auid=5101 ses=5 msg='text=hello e2e wo"
        "rld exe=\"/usr/sbin/auditctl\" hostname=? addr=? terminal=? res=success'\035UID=\"root\" AUID=\"e2"
        "eu\"",
        "type=USER msg=audit(1795336502.015:117123): pid=3584 uid=0 auid=5101 ses=22 msg='text=hello e2e wo"
        "rld exe=\"/usr/sbin/auditctl\" hostname=? addr=? terminal=? res=success'",
        "type=ANOM_PROMISCUOUS msg=audit(1795336275.217:116426): dev=lo prom=0 old_prom=256 auid=5101 uid=0"
        " gid=0 ses=5\035AUID=\"e2eu\" UID=\"root\" GID=\"root\"",
        "type=ANOM_PROMISCUOUS msg=audit(1795336497.218:117046): dev=lo prom=0 old_prom=256 auid=5101 uid=0"
        " gid=0 ses=22",
        "type=USER_MGMT msg=audit(1795336462.190:116738): pid=2413 uid=0 auid=4294967295 ses=4294967295 msg"
        "='op=faillock-reset id=5101 exe=\"/usr/sbin/faillock\" hostname=? addr=? terminal=? res=success'"
        "\035UID=\"root\" AUID=\"unset\" ID=\"e2eu\"",
        "type=USER_MGMT msg=audit(1795336582.303:117351): pid=9118 uid=0 auid=4294967295 ses=4294967295 msg"
        "='op=faillock-reset id=5101 exe=\"/usr/sbin/faillock\" hostname=? addr=? terminal=? res=success'",
        "type=AVC msg=audit(1795336298.046:116563): avc:  denied  { read write } for  pid=3880 comm=\"cat\" "
        "name=\"shadow\" dev=\"dm-0\" ino=131 scontext=staff_u:staff_r:staff_t:s0 "
        "tcontext=system_u:object_r:shadow_t:s0 tclass=file permissive=0",
        "type=USER_AVC msg=audit(1795336298.047:116564): pid=801 uid=81 auid=4294967295 ses=4294967295 "
        "msg='avc:  denied  { send_msg } for msgtype=method_call interface=org.freedesktop.login1.Manager "
        "member=Inhibit dest=:1.3 spid=1200 scontext=user_u:user_r:user_t:s0 tclass=dbus permissive=0 "
        "exe=\"/usr/bin/dbus-daemon\" sauid=81 hostname=? addr=? terminal=?'\035UID=\"root\" AUID=\"unset\"",
        "node=web1 type=EOE msg=audit(1795336266.669:116160): ",
};
const size_t gen_n_seeds = ARRAY_SIZE(gen_seeds);
