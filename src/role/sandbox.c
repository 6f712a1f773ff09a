/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/log.h"
#include "base/str.h"
#include "role/sandbox.h"

/* A sanitizer looks for leaks with calls that no sandbox allows. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ---- capabilities ---- */

/* All but that one, if we have it; -1: all. The bounding set needs CAP_SETPCAP, which one who is not root has not, nor the need. */
static int drop_all_but(int capability) {
        bool has = false;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        if (capability >= 0 && capng_get_caps_process() == 0)
                has = capng_have_capability(CAPNG_PERMITTED, (unsigned)capability);
        capng_clear(CAPNG_SELECT_CAPS);
        if (has)
                capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned)capability);
        return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : -EPERM;
}

int sandbox_leave_root(void) {
        capng_clear(CAPNG_SELECT_BOUNDS);
        if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
                return -EPERM;
        return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* ---- Landlock (Documentation/userspace-api/landlock.rst) ---- */

static void allow_reading(int rules, const char *path) {
        struct landlock_path_beneath_attr attr = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
                                                                     LANDLOCK_ACCESS_FS_READ_DIR };

        attr.parent_fd = open(path, O_PATH | O_CLOEXEC);
        if (attr.parent_fd < 0)
                return;
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
        close(attr.parent_fd);
}

/* What the C library and libaudit look up: accounts, protocols, time zones, and their own modules. */
static int read_only(void) {
        static const char *const below[] = { "/etc", "/usr", "/lib", "/lib64", "/bin", "/proc" };
        struct landlock_ruleset_attr attr = { .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
        long rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0), r;

        if (rules < 0)
                return 0; /* ENOSYS, EOPNOTSUPP: this kernel has none */
        for (size_t i = 0; i < ARRAY_SIZE(below); i++)
                allow_reading((int)rules, below[i]);
        r = syscall(SYS_landlock_restrict_self, rules, 0);
        close((int)rules);
        return r < 0 ? -errno : 0;
}

/* ---- seccomp ---- */

static const char *const engine_calls[] = {
        /* what it works with: descriptors that it has */
        "read",
        "readv",
        "pread64",
        "write",
        "writev",
        "recvmsg",
        "sendmsg",
        "recvfrom",
        "close",
        "close_range",
        "dup",
        "fcntl",
        "lseek",
        "poll",
        "ppoll",
        "select",
        "pselect6",
        "epoll_create1",
        "epoll_ctl",
        "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2",
        "eventfd2",
        "timerfd_create",
        "timerfd_settime",
        "timerfd_gettime",
        "signalfd4",
        "inotify_init1",
        "getsockopt",
        "getsockname",
        "shutdown",
        /* memory */
        "brk",
        "mmap",
        "munmap",
        "mremap",
        "madvise",
        "mprotect",
        "memfd_create",
        "ftruncate",
        /* time */
        "clock_gettime",
        "clock_getres",
        "clock_nanosleep",
        "nanosleep",
        "gettimeofday",
        "time",
        "times",
        "getrusage",
        /* files to read (openat has a rule of its own) */
        "fstat",
        "newfstatat",
        "stat",
        "lstat",
        "statx",
        "access",
        "faccessat",
        "faccessat2",
        "readlink",
        "readlinkat",
        "getdents64",
        "statfs",
        "fstatfs",
        "getcwd",
        /* threads, signals to itself, its end */
        "futex",
        "set_robust_list",
        "get_robust_list",
        "rseq",
        "rt_sigaction",
        "rt_sigprocmask",
        "rt_sigreturn",
        "rt_sigtimedwait",
        "sigaltstack",
        "sched_yield",
        "sched_getaffinity",
        "sched_getparam",
        "sched_getscheduler",
        "set_tid_address",
        "restart_syscall",
        "exit",
        "exit_group",
        "getpid",
        "gettid",
        "getppid",
        "getuid",
        "geteuid",
        "getgid",
        "getegid",
        "getresuid",
        "getresgid",
        "getrandom",
        "uname",
        "sysinfo",
        "getrlimit",
        "membarrier",
        "pause",
};

static int allow_all(scmp_filter_ctx filter, const char *const *names, size_t n, uint32_t action) {
        for (size_t i = 0; i < n; i++) {
                int call = seccomp_syscall_resolve_name(names[i]), r;

                if (call == __NR_SCMP_ERROR)
                        continue; /* not on this machine */
                r = seccomp_rule_add(filter, action, call, 0);
                if (r < 0 && r != -EACCES)
                        return r;
        }
        return 0;
}

/* Those whose arguments count. */
static int allow_narrowly(scmp_filter_ctx f) {
        const scmp_datum_t writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
        const scmp_datum_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
        const scmp_datum_t self = (scmp_datum_t)getpid();
        int r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                                 SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));

        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                                     SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0));
        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
        /* its arguments are in memory, where no filter can look: the C library then takes clone() */
        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, self, 0));
        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0, 0),
                                     SCMP_A2(SCMP_CMP_EQ, 0, 0));
        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                     SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
        /* sendto() with an address could reach others; without one it is send() */
        if (r >= 0)
                r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0, 0));
        return r;
}

static int load(scmp_filter_ctx filter, int r) {
        if (r >= 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}

static int enter_engine(void) {
        scmp_filter_ctx filter;
        int r = drop_all_but(-1);

        if (SANITIZED)
                return r;
        if (r == 0)
                r = read_only();
        if (r < 0)
                return r;
        filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!filter)
                return -ENOMEM;
        r = allow_all(filter, engine_calls, ARRAY_SIZE(engine_calls), SCMP_ACT_ALLOW);
        return load(filter, r < 0 ? r : allow_narrowly(filter));
}

int sandbox_engine(void) {
        int r = enter_engine();

        if (r < 0)
                log_error("the engine's sandbox: %s; it goes on without", strerror(-r));
        return r;
}

/* What the engine may, and to open for reading and wait for what changes. */
int sandbox_reader(SandboxReader what) {
        static const char *const more[] = { "inotify_add_watch", "inotify_rm_watch" };
        scmp_filter_ctx filter;
        int r = drop_all_but(what == SANDBOX_FILES      ? CAP_DAC_READ_SEARCH
                             : what == SANDBOX_CONNECTS ? CAP_DAC_OVERRIDE
                                                        : -1);

        if (r < 0 || SANITIZED)
                return r;
        filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
        if (!filter)
                return -ENOMEM;
        r = allow_all(filter, engine_calls, ARRAY_SIZE(engine_calls), SCMP_ACT_ALLOW);
        if (r >= 0)
                r = allow_all(filter, more, ARRAY_SIZE(more), SCMP_ACT_ALLOW);
        if (r >= 0 && what == SANDBOX_CONNECTS)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                     SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
        if (r >= 0 && what == SANDBOX_CONNECTS)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 0);
        return load(filter, r < 0 ? r : allow_narrowly(filter));
}

static const char *const deliver_refused[] = {
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "process_madvise",
        "kcmp",
        "pidfd_getfd",
        "perf_event_open",
        "bpf",
        "userfaultfd",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "mount",
        "umount2",
        "pivot_root",
        "chroot",
        "open_tree",
        "move_mount",
        "fsopen",
        "fsconfig",
        "fsmount",
        "fspick",
        "mount_setattr",
        "unshare",
        "setns",
        "init_module",
        "finit_module",
        "delete_module",
        "kexec_load",
        "kexec_file_load",
        "reboot",
        "swapon",
        "swapoff",
        "acct",
        "quotactl",
        "quotactl_fd",
        "add_key",
        "request_key",
        "keyctl",
        "settimeofday",
        "clock_settime",
        "clock_adjtime",
        "adjtimex",
        "sethostname",
        "setdomainname",
        "syslog",
        "vhangup",
        "ioperm",
        "iopl",
        "lookup_dcookie",
        "nfsservctl",
        "personality",
        "mknod",
        "mknodat",
        "open_by_handle_at",
        "name_to_handle_at",
        "fanotify_init",
};

int sandbox_deliver(void) {
        scmp_filter_ctx filter;
        int r = drop_all_but(-1);

        if (r < 0)
                return r;
        filter = seccomp_init(SCMP_ACT_ALLOW);
        if (!filter)
                return -ENOMEM;
        return load(filter,
                    allow_all(filter, deliver_refused, ARRAY_SIZE(deliver_refused), SCMP_ACT_ERRNO(EPERM)));
}

bool sandbox_account(SandboxAccount account, uid_t *ret_uid, gid_t *ret_gid) {
        static const struct {
                const char *name;
                unsigned number;
        } accounts[] = {
                [SANDBOX_ENGINE] = { "aulert", 64991 }, [SANDBOX_DELIVER] = { "aulert-deliver", 64992 }
        };
        struct passwd *pw = getpwnam(accounts[account].name);
        bool found = pw && pw->pw_uid && pw->pw_gid;

        *ret_uid = found ? pw->pw_uid : accounts[account].number;
        *ret_gid = found ? pw->pw_gid : accounts[account].number;
        return found;
}

int sandbox_become(uid_t uid, gid_t gid) {
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        return 0;
}
