/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include "rule/known.h"

#define IDS   " auid uid gid euid suid fsuid egid sgid fsgid AUID UID GID EUID SUID FSUID EGID SGID FSGID "
#define TASK  " auid uid gid ses subj pid comm exe AUID UID GID "
#define PERM  " ouid ogid mode obj OUID OGID "
#define ADDED " timestamp serial node "

/* What records inherit from the SYSCALL (or URINGOP), CWD and PROCTITLE records of their event. */
static const char inherited[] = IDS ADDED
        " arch syscall per success exit ppid pid tty ses comm exe subj key ARCH SYSCALL uring_op cwd "
        "proctitle ";

static const KnownType types[] = {
        { "SYSCALL", " a0 a1 a2 a3 items " },
        { "URINGOP", " items " },
        { "CWD", " cwd " },
        { "PROCTITLE", " proctitle " },
        { "PATH",
          PERM " item name inode dev rdev nametype objtype cap_fp cap_fi cap_fe cap_fver cap_frootid " },
        { "EXECVE", " argc a# " },
        { "SOCKADDR", " saddr SADDR saddr_fam laddr lport path " },
        { "SOCKETCALL", " nargs a# " },
        { "MMAP", " fd flags " },
        { "FD_PAIR", " fd0 fd1 " },
        { "KERN_MODULE", " name " },
        { "BPF", " prog-id op " },
        { "OBJ_PID", " opid oauid ouid oses obj ocomm OAUID OUID " },
        { "CAPSET", " cap_pi cap_pp cap_pe cap_pa " },
        { "IPC", PERM " osid " },
        { "OPENAT2", " oflag mode resolve " },
        { "ANOM_ABEND", TASK " sig res reason " },
        { "SECCOMP", TASK " sig arch syscall compat ip code ARCH SYSCALL " },
        { "TTY", TASK " major minor data " },
        { "ANOM_PROMISCUOUS", TASK " dev prom old_prom " },
        { "NETFILTER_CFG", TASK " table family entries op " },
};

#define COMMON "Image", "User", "ProcessId"

static const char *const categories[_VIEW_N][12] = {
        [VIEW_PROCESS] = { COMMON, "CommandLine", "CurrentDirectory", "LogonId", "TerminalSessionId",
                           "ParentProcessId", "ParentImage", "ParentCommandLine" },
        [VIEW_NETWORK] = { COMMON, "Initiated", "DestinationIp", "DestinationPort", "SourceIp",
                           "SourcePort" },
        [VIEW_FILE] = { COMMON, "TargetFilename" },
};

/* The name in a list with blanks between that is the same as @field. */
static Str find(const char *list, Str field, bool (*same)(Str, Str)) {
        while (*list) {
                size_t n = strcspn(list, " ");

                if (n && same((Str){ list, n }, field))
                        return (Str){ list, n };
                list += n + strspn(list + n, " ");
        }
        return STR_NULL;
}

bool known_list_holds(const char *list, Str field) { return find(list, field, str_eq).n; }

static bool is_argument(Str field) {
        if (field.n < 2 || *field.p != 'a')
                return false;
        for (size_t i = 1; i < field.n; i++)
                if (!isdigit((unsigned char)field.p[i]))
                        return false;
        return true;
}

/* Security modules add fields of their own names. */
static bool is_label(Str field) { return str_starts(field, STR("subj")) || str_starts(field, STR("obj")); }

static bool has_own(const KnownType *t, Str field) {
        return known_list_holds(t->fields, field) ||
               (is_argument(field) && known_list_holds(t->fields, STR("a#")));
}

const KnownType *known_type(Str name) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_ieq(name, str_from(types[i].type)))
                        return &types[i];
        return NULL;
}

bool known_in_type(const KnownType *t, Str field) {
        return has_own(t, field) || known_list_holds(inherited, field) || is_label(field) ||
               str_eqz(field, "type");
}

const KnownType *known_type_with(Str field, size_t n) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (has_own(&types[i], field) && !n--)
                        return &types[i];
        return NULL;
}

Str known_field(Str field) {
        Str found = find("type", field, str_ieq);
        bool exact = known_list_holds(inherited, field);

        for (size_t i = 0; i < ARRAY_SIZE(types) && !exact; i++) {
                exact = has_own(&types[i], field);
                found = found.n ? found : find(types[i].fields, field, str_ieq);
        }
        if (exact)
                return field;
        return found.n ? found : find(inherited, field, str_ieq);
}

bool known_in_category(ViewKind view, Str field) {
        for (size_t i = 0; categories[view][i]; i++)
                if (str_eqz(field, categories[view][i]))
                        return true;
        return known_list_holds(inherited, field) || is_label(field);
}

Str known_category_field(ViewKind view, size_t n) {
        return n < ARRAY_SIZE(categories[view]) && categories[view][n] ? str_from(categories[view][n])
                                                                       : STR_NULL;
}
