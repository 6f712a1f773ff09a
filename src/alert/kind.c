/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "alert/kind.h"

static const struct {
        int32_t type;
        const char *category, *action, *object;
} types[] = {
        { AUDIT_USER, "user-space", "sent-message", "" },
        { AUDIT_LOGIN, "user-login", "changed-login-id-to", "user-session" },
        { AUDIT_USER_AUTH, "user-login", "authenticated", "user-session" },
        { AUDIT_USER_ACCT, "user-login", "was-authorized", "user-session" },
        { AUDIT_USER_MGMT, "user-account", "modified-user-account", "account" },
        { AUDIT_CRED_ACQ, "user-login", "acquired-credentials", "user-session" },
        { AUDIT_CRED_DISP, "user-login", "disposed-credentials", "user-session" },
        { AUDIT_USER_START, "user-login", "started-session", "user-session" },
        { AUDIT_USER_END, "user-login", "ended-session", "user-session" },
        { AUDIT_USER_AVC, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_USER_CHAUTHTOK, "user-login", "changed-password", "user-session" },
        { AUDIT_USER_ERR, "user-login", "caused-account-error", "user-session" },
        { AUDIT_CRED_REFR, "user-login", "refreshed-credentials", "user-session" },
        { AUDIT_USYS_CONFIG, "configuration", "changed-configuration", "system" },
        { AUDIT_USER_LOGIN, "user-login", "logged-in", "user-session" },
        { AUDIT_USER_LOGOUT, "user-login", "logged-out", "user-session" },
        { AUDIT_ADD_USER, "user-account", "added-user-account", "account" },
        { AUDIT_DEL_USER, "user-account", "deleted-user-account", "account" },
        { AUDIT_ADD_GROUP, "user-account", "added-group-account-to", "account" },
        { AUDIT_DEL_GROUP, "user-account", "deleted-group-account-from", "account" },
        { AUDIT_DAC_CHECK, "dac-decision", "access-result", "" },
        { AUDIT_CHGRP_ID, "group-change", "changed-group", "account" },
        { AUDIT_TEST, "user-space", "sent-test", "" },
        { AUDIT_TRUSTED_APP, "user-space", "sent-message", "" },
        { AUDIT_USER_SELINUX_ERR, "mac-decision", "access-error", "" },
        { AUDIT_USER_CMD, "user-space", "ran-command", "process" },
        { AUDIT_USER_TTY, "TTY", "typed", "keystrokes" },
        { AUDIT_CHUSER_ID, "user-space", "changed-user-id", "account" },
        { AUDIT_GRP_AUTH, "group-change", "authenticated-to-group", "account" },
        { AUDIT_SYSTEM_BOOT, "system-services", "booted-system", "system" },
        { AUDIT_SYSTEM_SHUTDOWN, "system-services", "shutdown-system", "service" },
        { AUDIT_SYSTEM_RUNLEVEL, "system-services", "changed-to-runlevel", "system" },
        { AUDIT_SERVICE_START, "system-services", "started-service", "service" },
        { AUDIT_SERVICE_STOP, "system-services", "stopped-service", "service" },
        { AUDIT_GRP_MGMT, "user-account", "modified-group-account", "account" },
        { AUDIT_GRP_CHAUTHTOK, "user-account", "changed-group-password", "user-session" },
        { AUDIT_MAC_CHECK, "mac-decision", "mac-permission", "" },
        { AUDIT_ACCT_LOCK, "user-account", "locked-account", "account" },
        { AUDIT_ACCT_UNLOCK, "user-account", "unlocked-account", "account" },
        { AUDIT_USER_DEVICE, "configuration", "changed-device", "device" },
        { AUDIT_SOFTWARE_UPDATE, "configuration", "installed-software", "software" },
        { AUDIT_DAEMON_START, "audit-daemon", "started-audit", "service" },
        { AUDIT_DAEMON_END, "audit-daemon", "shutdown-audit", "service" },
        { AUDIT_DAEMON_ABORT, "audit-daemon", "aborted-auditd-startup", "service" },
        { AUDIT_DAEMON_CONFIG, "audit-daemon", "changed-auditd-configuration", "service" },
        { AUDIT_DAEMON_ROTATE, "audit-daemon", "rotated-audit-logs", "service" },
        { AUDIT_DAEMON_RESUME, "audit-daemon", "resumed-audit-logging", "service" },
        { AUDIT_DAEMON_ACCEPT, "audit-daemon", "remote-audit-connected", "service" },
        { AUDIT_DAEMON_CLOSE, "audit-daemon", "remote-audit-disconnected", "service" },
        { AUDIT_DAEMON_ERR, "audit-daemon", "audit-error", "service" },
        { AUDIT_CONFIG_CHANGE, "configuration", "changed-audit-configuration", "audit-config" },
        { AUDIT_TTY, "TTY", "typed", "keystrokes" },
        { AUDIT_NETFILTER_PKT, "audit-rule", "matched-firewall-rule-for", "socket" },
        { AUDIT_NETFILTER_CFG, "configuration", "loaded-firewall-rule-to", "firewall" },
        { AUDIT_SECCOMP, "dac-decision", "called-seccomp-controlled-syscall", "process" },
        { AUDIT_FEATURE_CHANGE, "configuration", "changed-audit-feature", "system" },
        { AUDIT_KERN_MODULE, "kernel-module", "loaded-kernel-module", "file" },
        { AUDIT_FANOTIFY, "av-decision", "accessed-policy-controlled-file", "file" },
        { AUDIT_TIME_INJOFFSET, "configuration", "changed-system-time", "system" },
        { AUDIT_TIME_ADJNTPVAL, "configuration", "changed-system-time", "system" },
        { AUDIT_BPF, "bpf-program", "loaded-bpf-program", "process" },
        { AUDIT_EVENT_LISTENER, "audit-daemon", "connected-to", "socket" },
        { AUDIT_AVC, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_SELINUX_ERR, "mac-decision", "caused-mac-error", "mac-config" },
        { AUDIT_AVC_PATH, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_MAC_POLICY_LOAD, "mac", "loaded-selinux-policy", "mac-config" },
        { AUDIT_MAC_STATUS, "mac", "changed-selinux-enforcement-to", "mac-config" },
        { AUDIT_MAC_CONFIG_CHANGE, "mac", "changed-selinux-boolean", "mac-config" },
        { AUDIT_MAC_UNLBL_ALLOW, "mac", "changed-unlabeled-traffic-policy", "mac-config" },
        { AUDIT_MAC_CIPSOV4_ADD, "mac", "added-cipso-domain", "mac-config" },
        { AUDIT_MAC_CIPSOV4_DEL, "mac", "deleted-cipso-domain", "mac-config" },
        { AUDIT_MAC_MAP_ADD, "mac", "added-mac-network-domain-mapping-to", "mac-config" },
        { AUDIT_MAC_MAP_DEL, "mac", "deleted-mac-network-domain-mapping-from", "mac-config" },
        { AUDIT_MAC_IPSEC_ADDSA, "mac", "added-ipsec-sa", "mac-config" },
        { AUDIT_MAC_IPSEC_DELSA, "mac", "deleted-ipsec-sa", "mac-config" },
        { AUDIT_MAC_IPSEC_ADDSPD, "mac", "added-ipsec-policy", "mac-config" },
        { AUDIT_MAC_IPSEC_DELSPD, "mac", "deleted-ipsec-policy", "mac-config" },
        { AUDIT_MAC_IPSEC_EVENT, "mac", "changed-ipsec", "mac-config" },
        { AUDIT_MAC_UNLBL_STCADD, "mac", "added-static-label", "mac-config" },
        { AUDIT_MAC_UNLBL_STCDEL, "mac", "deleted-static-label", "mac-config" },
        { AUDIT_MAC_CALIPSO_ADD, "mac", "added-calipso-domain", "mac-config" },
        { AUDIT_MAC_CALIPSO_DEL, "mac", "deleted-calipso-domain", "mac-config" },
        { 1420, "mac-decision", "accessed-mac-policy-controlled-object", "file" },
        { 1421, "mac", "changed-mac-configuration", "mac-config" },
        { 1422, "mac", "loaded-ipe-policy", "mac-config" },
        { 1423, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { 1424, "mac", "changed-landlock-domain", "process" },
        { AUDIT_AA, "mac", "reported-by-apparmor", "" },
        { AUDIT_APPARMOR_AUDIT, "mac", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_APPARMOR_ALLOWED, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_APPARMOR_DENIED, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_APPARMOR_HINT, "mac", "changed-mac-profile", "" },
        { AUDIT_APPARMOR_STATUS, "mac", "changed-mac-configuration", "mac-config" },
        { AUDIT_APPARMOR_ERROR, "mac-decision", "caused-mac-error", "" },
        { AUDIT_APPARMOR_KILL, "mac-decision", "accessed-mac-policy-controlled-object", "" },
        { AUDIT_ANOM_PROMISCUOUS, "anomaly", "entered-promiscuous-mode-on-device", "socket" },
        { AUDIT_ANOM_ABEND, "anomaly", "crashed-program", "process" },
        { AUDIT_ANOM_LINK, "anomaly", "used-suspicious-link", "file" },
        { AUDIT_ANOM_CREAT, "anomaly", "created-suspicious-file", "file" },
        { AUDIT_INTEGRITY_DATA, "integrity", "checked-data-integrity-of", "file" },
        { AUDIT_INTEGRITY_METADATA, "integrity", "checked-metadata-integrity-of", "file" },
        { AUDIT_INTEGRITY_STATUS, "integrity", "changed-integrity-status", "" },
        { AUDIT_INTEGRITY_HASH, "integrity", "checked-hash-of", "file" },
        { AUDIT_INTEGRITY_PCR, "integrity", "invalidated-pcr", "" },
        { AUDIT_INTEGRITY_RULE, "integrity", "matched-integrity-rule", "file" },
        { AUDIT_INTEGRITY_EVM_XATTR, "integrity", "changed-evm-attributes", "" },
        { AUDIT_INTEGRITY_POLICY_RULE, "integrity", "changed-integrity-policy", "" },
        { AUDIT_KERNEL, "system-services", "initialized-audit-subsystem", "system" },
        { AUDIT_ANOM_LOGIN_FAILURES, "anomaly", "failed-log-in-too-many-times-to", "user-session" },
        { AUDIT_ANOM_LOGIN_TIME, "anomaly", "attempted-log-in-during-unusual-hour-to", "user-session" },
        { AUDIT_ANOM_LOGIN_SESSIONS, "anomaly", "opened-too-many-sessions-to", "user-session" },
        { AUDIT_ANOM_LOGIN_ACCT, "anomaly", "attempted-log-in-to-disallowed-account", "user-session" },
        { AUDIT_ANOM_LOGIN_LOCATION, "anomaly", "attempted-log-in-from-unusual-place-to", "user-session" },
        { AUDIT_ANOM_MAX_DAC, "anomaly", "exceeded-access-failures", "" },
        { AUDIT_ANOM_MAX_MAC, "anomaly", "exceeded-mac-failures", "" },
        { AUDIT_ANOM_AMTU_FAIL, "anomaly", "failed-machine-test", "" },
        { AUDIT_ANOM_RBAC_FAIL, "anomaly", "failed-rbac-self-test", "" },
        { AUDIT_ANOM_RBAC_INTEGRITY_FAIL, "integrity", "tested-file-system-integrity-of", "file-system" },
        { AUDIT_ANOM_CRYPTO_FAIL, "anomaly", "failed-crypto-test", "" },
        { AUDIT_ANOM_ACCESS_FS, "anomaly", "accessed-forbidden-file", "" },
        { AUDIT_ANOM_EXEC, "anomaly", "attempted-execution-of-forbidden-program", "process" },
        { AUDIT_ANOM_MK_EXEC, "anomaly", "made-executable", "" },
        { AUDIT_ANOM_ADD_ACCT, "anomaly", "added-user-account", "account" },
        { AUDIT_ANOM_DEL_ACCT, "anomaly", "deleted-user-account", "account" },
        { AUDIT_ANOM_MOD_ACCT, "anomaly", "modified-user-account", "account" },
        { AUDIT_ANOM_ROOT_TRANS, "anomaly", "became-root", "" },
        { AUDIT_ANOM_LOGIN_SERVICE, "anomaly", "logged-in-to-service-account", "" },
        { AUDIT_ANOM_LOGIN_ROOT, "anomaly", "logged-in-as-root", "" },
        { AUDIT_ANOM_ORIGIN_FAILURES, "anomaly", "failed-log-in-too-many-times-from", "" },
        { AUDIT_ANOM_SESSION, "anomaly", "used-bad-session", "" },
        { AUDIT_RESP_ANOMALY, "anomaly-response", "responded-to-anomaly", "" },
        { AUDIT_RESP_ALERT, "anomaly-response", "sent-alert", "" },
        { AUDIT_RESP_KILL_PROC, "anomaly-response", "killed-process", "process" },
        { AUDIT_RESP_TERM_ACCESS, "anomaly-response", "ended-session", "" },
        { AUDIT_RESP_ACCT_REMOTE, "anomaly-response", "locked-account-remotely", "account" },
        { AUDIT_RESP_ACCT_LOCK_TIMED, "anomaly-response", "locked-account-for-a-time", "account" },
        { AUDIT_RESP_ACCT_UNLOCK_TIMED, "anomaly-response", "unlocked-account", "account" },
        { AUDIT_RESP_ACCT_LOCK, "anomaly-response", "locked-account", "account" },
        { AUDIT_RESP_TERM_LOCK, "anomaly-response", "locked-terminal", "" },
        { AUDIT_RESP_SEBOOL, "anomaly-response", "changed-selinux-boolean", "" },
        { AUDIT_RESP_EXEC, "anomaly-response", "ran-command", "process" },
        { AUDIT_RESP_SINGLE, "anomaly-response", "changed-to-single-user-mode", "system" },
        { AUDIT_RESP_HALT, "anomaly-response", "shutdown-system", "system" },
        { AUDIT_RESP_ORIGIN_BLOCK, "anomaly-response", "blocked-address", "" },
        { AUDIT_RESP_ORIGIN_BLOCK_TIMED, "anomaly-response", "blocked-address-for-a-time", "" },
        { AUDIT_RESP_ORIGIN_UNBLOCK_TIMED, "anomaly-response", "unblocked-address", "" },
        { AUDIT_USER_ROLE_CHANGE, "mac", "changed-role-to", "user-session" },
        { AUDIT_ROLE_ASSIGN, "mac", "assigned-user-role-to", "account" },
        { AUDIT_ROLE_REMOVE, "mac", "removed-user-role-from", "account" },
        { AUDIT_LABEL_OVERRIDE, "mac", "overrode-label-of", "mac-config" },
        { AUDIT_LABEL_LEVEL_CHANGE, "mac", "modified-level-of", "printer" },
        { AUDIT_USER_LABELED_EXPORT, "mac", "exported-with-label", "" },
        { AUDIT_USER_UNLABELED_EXPORT, "mac", "exported-without-label", "" },
        { AUDIT_DEV_ALLOC, "mac", "allocated-device", "mac-config" },
        { AUDIT_DEV_DEALLOC, "mac", "released-device", "mac-config" },
        { AUDIT_FS_RELABEL, "mac", "relabeled-filesystem", "mac-config" },
        { AUDIT_USER_MAC_POLICY_LOAD, "mac", "loaded-mac-policy", "mac-config" },
        { AUDIT_ROLE_MODIFY, "mac", "modified-role", "mac-config" },
        { AUDIT_USER_MAC_CONFIG_CHANGE, "mac", "changed-mac-configuration", "mac-config" },
        { AUDIT_USER_MAC_STATUS, "mac", "changed-selinux-enforcement-to", "mac-config" },
        { AUDIT_CRYPTO_TEST_USER, "crypto", "tested-crypto", "" },
        { AUDIT_CRYPTO_PARAM_CHANGE_USER, "crypto", "changed-crypto-parameter", "" },
        { AUDIT_CRYPTO_LOGIN, "crypto", "crypto-officer-logged-in", "user-session" },
        { AUDIT_CRYPTO_LOGOUT, "crypto", "crypto-officer-logged-out", "user-session" },
        { AUDIT_CRYPTO_KEY_USER, "crypto", "negotiated-crypto-key", "user-session" },
        { AUDIT_CRYPTO_FAILURE_USER, "crypto", "failed-crypto-operation", "" },
        { AUDIT_CRYPTO_REPLAY_USER, "crypto", "detected-crypto-replay", "" },
        { AUDIT_CRYPTO_SESSION, "crypto", "started-crypto-session", "user-session" },
        { AUDIT_CRYPTO_IKE_SA, "crypto", "negotiated-ike-sa", "socket" },
        { AUDIT_CRYPTO_IPSEC_SA, "crypto", "negotiated-ipsec-sa", "socket" },
        { AUDIT_VIRT_CONTROL, "virt", "issued-vm-control", "virtual-machine" },
        { AUDIT_VIRT_RESOURCE, "virt", "assigned-vm-resource", "virtual-machine" },
        { AUDIT_VIRT_MACHINE_ID, "virt", "assigned-vm-id", "virtual-machine" },
        { AUDIT_VIRT_INTEGRITY_CHECK, "virt", "checked-integrity-of", "virtual-machine" },
        { AUDIT_VIRT_CREATE, "virt", "created-vm-image", "virtual-machine" },
        { AUDIT_VIRT_DESTROY, "virt", "deleted-vm-image", "virtual-machine" },
        { AUDIT_VIRT_MIGRATE_IN, "virt", "migrated-vm-from", "virtual-machine" },
        { AUDIT_VIRT_MIGRATE_OUT, "virt", "migrated-vm-to", "virtual-machine" },
};

/* Types that have no row: those of a later kernel, or that nobody writes. */
static const struct {
        int32_t first, last;
        const char *category;
} groups[] = {
        { 1000, 1199, "user-space" }, { 1200, 1299, "audit-daemon" },
        { 1300, 1399, "audit-rule" }, { 1400, 1599, "mac" },
        { 1600, 1699, "crypto" },     { 1700, 1799, "anomaly" },
        { 1800, 1899, "integrity" },  { 2000, 2099, "system-services" },
        { 2100, 2199, "anomaly" },    { 2200, 2299, "anomaly-response" },
        { 2300, 2399, "mac" },        { 2400, 2499, "crypto" },
        { 2500, 2599, "virt" },       { 2600, 2999, "user-space" },
};

static const struct {
        const char *syscalls; /* names, a blank between two */
        const char *action, *object;
} calls[] = {
        { "open openat openat2 creat truncate ftruncate readlink readlinkat fallocate memfd_create "
          "open_by_handle_at",
          "opened-file", "file" },
        { "stat fstat lstat access newfstatat fstatat faccessat faccessat2 statx", "checked-metadata-of",
          "file" },
        { "statfs fstatfs", "checked-filesystem-metadata-of", "file" },
        { "mmap mmap2 brk", "allocated-memory-in", "memory" },
        { "connect socketcall(connect)", "connected-to", "socket" },
        { "accept accept4 socketcall(accept)", "accepted-connection-from", "socket" },
        { "sendto sendmsg sendmmsg send socketcall(sendto) socketcall(sendmsg) socketcall(send)", "sent-to",
          "socket" },
        { "recvfrom recvmsg recvmmsg recv socketcall(recvfrom) socketcall(recvmsg) socketcall(recv)",
          "received-from", "socket" },
        { "bind socketcall(bind)", "bound-socket", "socket" },
        { "listen socketcall(listen)", "listened-on-socket", "socket" },
        { "socket socketpair socketcall(socket) socketcall(socketpair)", "created-socket", "socket" },
        { "execve execveat", "executed", "file" },
        { "kill tkill tgkill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo", "sent-signal-to",
          "process" },
        { "rename renameat renameat2", "renamed", "file" },
        { "mkdir mkdirat", "created-directory", "file" },
        { "rmdir unlink unlinkat", "deleted", "file" },
        { "symlink symlinkat", "symlinked", "file" },
        { "link linkat", "linked", "file" },
        { "chmod fchmod fchmodat fchmodat2", "changed-file-permissions-of", "file" },
        { "chown fchown lchown fchownat", "changed-file-ownership-of", "file" },
        { "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr", "changed-file-attributes-of",
          "file" },
        { "utime utimes futimesat utimensat", "changed-timestamp-of", "file" },
        { "mknod mknodat", "made-device", "file" },
        { "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups",
          "changed-identity-of", "process" },
        { "capset", "changed-capabilities-of", "process" },
        { "prctl seccomp", "changed-process-control-of", "process" },
        { "sched_setparam sched_setscheduler sched_setattr", "adjusted-scheduling-policy-of", "process" },
        { "ptrace", "traced", "process" },
        { "process_vm_readv", "read-memory-of", "process" },
        { "process_vm_writev", "wrote-memory-of", "process" },
        { "clone clone3 fork vfork", "started-process", "process" },
        { "unshare setns", "changed-namespace-of", "process" },
        { "chroot pivot_root", "changed-root-of", "process" },
        { "adjtimex clock_adjtime settimeofday clock_settime stime", "changed-system-time", "system" },
        { "sethostname setdomainname", "changed-system-name", "system" },
        { "reboot", "rebooted-system", "system" },
        { "kexec_load kexec_file_load", "loaded-kernel", "system" },
        { "swapon swapoff", "changed-swap", "system" },
        { "acct", "changed-process-accounting", "system" },
        { "quotactl quotactl_fd", "changed-quota", "file" },
        { "mount move_mount fsmount fspick open_tree mount_setattr", "mounted", "file" },
        { "umount umount2", "unmounted", "file" },
        { "init_module finit_module", "loaded-kernel-module", "file" },
        { "delete_module", "unloaded-kernel-module", "file" },
        { "bpf", "used-bpf", "process" },
        { "perf_event_open", "observed-performance-of", "process" },
        { "add_key request_key keyctl", "used-kernel-key", "" },
        { "io_uring_setup io_uring_enter io_uring_register", "used-io-uring", "process" },
        { "mprotect pkey_mprotect", "changed-memory-protection-of", "memory" },
};

static bool is_among(Str name, const char *names) {
        for (const char *p = names; *p;) {
                size_t n = strcspn(p, " ");

                if (str_eq(name, (Str){ p, n }))
                        return true;
                p += n + (p[n] == ' ');
        }
        return false;
}

static const Kind audit_rule = { STR_INIT("audit-rule"), STR_INIT(""), STR_INIT("") };

/* A call without a word of its own is its own word. */
static Kind kind_of_call(Str name) {
        Kind kind = audit_rule;

        kind.action = name;
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                if (is_among(name, calls[i].syscalls)) {
                        kind.action = str_from(calls[i].action);
                        kind.object = str_from(calls[i].object);
                        break;
                }
        return kind;
}

/* Types that are used for more than one thing. */
static Kind refine(Kind kind, const Facts *f) {
        if (f->type == AUDIT_ANOM_PROMISCUOUS && str_eq(f->v[FACT_PROM], STR("0")))
                kind.action = STR("left-promiscuous-mode-on-device");
        else if (f->type == AUDIT_BPF && str_eq(f->v[FACT_OP], STR("UNLOAD")))
                kind.action = STR("unloaded-bpf-program");
        else if (f->type == AUDIT_KERN_MODULE && str_eq(f->v[FACT_SYSCALL], STR("delete_module")))
                kind.action = STR("unloaded-kernel-module");
        else if (f->type == AUDIT_EVENT_LISTENER && str_eq(f->v[FACT_OP], STR("disconnect")))
                kind.action = STR("disconnected-from");
        else if (f->type == AUDIT_SOFTWARE_UPDATE && str_starts(f->v[FACT_OP], STR("remove")))
                kind.action = STR("removed-software");
        return kind;
}

/* op= of a record that no table knows, else the system call beside it. */
static Str word_of(const Facts *f) { return f->v[FACT_OP].n ? f->v[FACT_OP] : f->v[FACT_SYSCALL]; }

Kind kind_of(const Facts *f) {
        Kind kind = { STR(""), word_of(f), STR("") };

        if (f->type == AUDIT_SYSCALL || f->type == AUDIT_URINGOP)
                return kind_of_call(f->v[FACT_SYSCALL]);
        if (f->type == AUDIT_EXECVE) /* its SYSCALL was lost */
                return kind_of_call(STR("execve"));
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (types[i].type == f->type)
                        return refine((Kind){ str_from(types[i].category), str_from(types[i].action),
                                              str_from(types[i].object) },
                                      f);
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                if (f->type >= groups[i].first && f->type <= groups[i].last)
                        kind.category = str_from(groups[i].category);
        return kind;
}
