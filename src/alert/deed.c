/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alert/deed.h"

#define OPENING "open openat openat2 creat"

static bool is_among(Str name, const char *names) {
        for (const char *p = names; *p;) {
                size_t n = strcspn(p, " ");

                if (str_eq(name, (Str){ p, n }))
                        return true;
                p += n + (p[n] == ' ');
        }
        return false;
}

/* openat2 has its flags in a record of its own, and so none here: it counts as reading. */
static Str flags(const Facts *f) {
        if (is_among(f->v[FACT_SYSCALL], "creat"))
                return STR("O_WRONLY|O_TRUNC");
        return f->v[is_among(f->v[FACT_SYSCALL], "open") ? FACT_A1 : FACT_A2];
}

static bool has_flag(const Facts *f, Str flag) {
        Str s = flags(f);

        return s.n && memmem(s.p, s.n, flag.p, flag.n);
}

static bool names_file(const Facts *f) { return f->v[FACT_PATH].n; }
static bool names_source(const Facts *f) { return names_file(f) && f->v[FACT_PATH_2].n; }
static bool names_two(const Facts *f) { return names_file(f) && f->v[FACT_NEW_PATH].n; }
static bool creates(const Facts *f) { return names_file(f) && str_eq(f->v[FACT_PATH_KIND], STR("CREATE")); }
static bool empties(const Facts *f) { return names_file(f) && has_flag(f, STR("O_TRUNC")); }
static bool names_peer(const Facts *f) { return f->v[FACT_PEER].n; }
static bool names_target(const Facts *f) { return f->v[FACT_TARGET].n; }
static bool names_no_file(const Facts *f) { return !names_file(f); }
static bool always(const Facts *f) { return f->v[FACT_SYSCALL].n; }

static bool writes(const Facts *f) {
        return names_file(f) && (has_flag(f, STR("O_WRONLY")) || has_flag(f, STR("O_RDWR")));
}

static bool attaches(const Facts *f) {
        return names_target(f) &&
               (str_eq(f->v[FACT_A0], STR("PTRACE_ATTACH")) || str_eq(f->v[FACT_A0], STR("PTRACE_SEIZE")));
}

/* The first row that fits is used. */
static const Deed deeds[] = {
        { OPENING, creates, "created", "create", " {path}" },
        { OPENING, empties, "overwrote", "overwrite", " {path}" },
        { OPENING, writes, "opened", "open", " {path} for writing" },
        { OPENING, names_file, "opened", "open", " {path} for reading" },
        { "execve execveat", names_file, "ran", "run", " {path}" },
        { "unlink unlinkat", names_file, "deleted", "delete", " {path}" },
        { "rmdir", names_file, "deleted", "delete", " folder {path}" },
        { "mkdir mkdirat", names_file, "created", "create", " folder {path}" },
        { "mknod mknodat", names_file, "created", "create", " {path}" },
        { "rename renameat renameat2", names_two, "renamed", "rename", " {path} to {new}" },
        { "link linkat", names_two, "linked", "link", " {path} to {new}" },
        { "symlink symlinkat", names_two, "created", "create", " the link {new} to {path}" },
        { "truncate ftruncate", names_file, "cut", "cut", " {path}" },
        { "ftruncate", always, "cut", "cut", " an open file" },
        { "fsetxattr fremovexattr", names_no_file, "changed", "change", " an attribute of an open file" },
        { "chmod fchmod fchmodat fchmodat2", names_file, "changed", "change",
          " the mode of {path}[ to {mode}]" },
        { "fchmod", always, "changed", "change", " the mode of an open file[ to {mode}]" },
        { "chown fchown lchown fchownat", names_file, "changed", "change",
          " the owner of {path}[ to {owner}]" },
        { "fchown", always, "changed", "change", " the owner of an open file[ to {owner}]" },
        { "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr", names_file, "changed",
          "change", " an attribute of {path}" },
        { "utime utimes utimensat futimesat", names_file, "changed", "change", " the times of {path}" },
        { "mount move_mount", names_source, "mounted", "mount", " {second} on {path}" },
        { "mount", names_file, "mounted", "mount", " something on {path}" },
        { "umount umount2", names_file, "unmounted", "unmount", " {path}" },
        { "connect", names_peer, "connected", "connect", " to {peer}" },
        { "bind", names_peer, "offered", "offer", " a service at {peer}" },
        { "accept accept4", names_peer, "accepted", "accept", " a connection from {peer}" },
        { "sendto sendmsg", names_peer, "sent", "send", " data to {peer}" },
        { "recvfrom recvmsg", names_peer, "received", "receive", " data from {peer}" },
        { "ptrace", attaches, "attached", "attach", " to the running program {target}" },
        { "process_vm_writev", names_target, "wrote", "write", " to the memory of {target}" },
        { "process_vm_readv", names_target, "read", "read", " the memory of {target}" },
        { "kill tkill tgkill", names_target, "sent", "send", " a signal to {target}" },
        { "init_module finit_module", always, "loaded", "load", " a kernel module" },
        { "delete_module", always, "unloaded", "unload", " a kernel module" },
        { "sethostname", always, "changed", "change", " the name of the machine" },
        { "setdomainname", always, "changed", "change", " the domain name of the machine" },
        { "settimeofday clock_settime stime", always, "set", "set", " the clock" },
        { "adjtimex clock_adjtime", always, "adjusted", "adjust", " the clock" },
        { "reboot", always, "restarted or stopped", "restart or stop", " the machine" },
        { "kexec_load kexec_file_load", always, "loaded", "load", " another kernel" },
        { "setuid setreuid setresuid setfsuid", always, "became", "become", " user {a0}" },
        { "setgid setregid setresgid setfsgid", always, "became", "become", " group {a0}" },
        { "setgroups", always, "changed", "change", " the groups of its process" },
        { "capset", always, "changed", "change", " the capabilities of its process" },
        { "chroot", names_file, "changed", "change", " its root folder to {path}" },
        { "pivot_root", names_file, "changed", "change", " the root folder to {path}" },
        { "swapon", names_file, "started", "start", " swapping to {path}" },
        { "swapoff", names_file, "stopped", "stop", " swapping to {path}" },
        { "acct", names_file, "switched", "switch", " accounting to {path}" },
        { "mprotect pkey_mprotect", always, "changed", "change", " the protection of its memory[ to {a2}]" },
        { "mmap mmap2", names_file, "mapped", "map", " {path} into memory[ ({a2})]" },
        { "mmap mmap2", always, "mapped", "map", " memory[ ({a2})]" },
        { "socket", always, "created", "create", " a socket[ of family {a0}]" },
        { "listen", always, "offered", "offer", " a service at a socket" },
        { "bpf", always, "used", "use", " BPF[ for {a0}]" },
        { "ptrace", always, "traced", "trace", " a program[ with {a0}]" },
        { "clone clone3 fork vfork", always, "started", "start", " a process" },
        { "unshare", always, "entered", "enter", " new namespaces[ ({a0})]" },
        { "setns", always, "entered", "enter", " another namespace" },
        { "readlink readlinkat", names_file, "read", "read", " the link {path}" },
        { "stat lstat fstat newfstatat fstatat statx access faccessat faccessat2 statfs fstatfs", names_file,
          "looked at", "look at", " {path}" },
};

const Deed *deed_find(const Facts *f) {
        for (size_t i = 0; i < ARRAY_SIZE(deeds); i++)
                if (is_among(f->v[FACT_SYSCALL], deeds[i].syscalls) && deeds[i].when(f))
                        return &deeds[i];
        return NULL;
}

Str deed_mode(const Facts *f) {
        if (is_among(f->v[FACT_SYSCALL], "chmod fchmod"))
                return f->v[FACT_A1];
        return is_among(f->v[FACT_SYSCALL], "fchmodat fchmodat2") ? f->v[FACT_A2] : STR("");
}

/* Names where libauparse gives names, else 0x and the number; -1 leaves the owner as it is (chown(2)). */
Str deed_owner(const Facts *f) {
        Str owner = STR("");

        if (is_among(f->v[FACT_SYSCALL], "chown fchown lchown"))
                owner = f->v[FACT_A1];
        else if (is_among(f->v[FACT_SYSCALL], "fchownat"))
                owner = f->v[FACT_A2];
        return str_eq(owner, STR("0xffffffff")) || str_eq(owner, STR("unset")) ? STR("") : owner;
}
