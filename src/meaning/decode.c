/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <libaudit.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "meaning/decode.h"

typedef struct {
        char name[16];
        uint8_t kind;
} FieldRow;

/* Sorted by name (test-decode.c holds it sorted). A field that is missing here is shown as it was logged. */
static const FieldRow fields[] = {
        { "a0", KIND_A0 },
        { "a1", KIND_A1 },
        { "a2", KIND_A2 },
        { "a3", KIND_A3 },
        { "acct", KIND_TEXT_MAYBE },
        { "action", KIND_CODE },
        { "apparmor", KIND_TEXT },
        { "arch", KIND_ARCH },
        { "auid", KIND_USER },
        { "cap_fi", KIND_CODE },
        { "cap_fp", KIND_CODE },
        { "cap_pa", KIND_CODE },
        { "cap_pe", KIND_CODE },
        { "cap_pi", KIND_CODE },
        { "cap_pp", KIND_CODE },
        { "capability", KIND_CODE },
        { "cgroup", KIND_TEXT },
        { "cmd", KIND_TEXT },
        { "code", KIND_CODE },
        { "comm", KIND_TEXT },
        { "cwd", KIND_TEXT },
        { "data", KIND_TTY },
        { "denied_mask", KIND_TEXT },
        { "device", KIND_TEXT },
        { "dir", KIND_TEXT },
        { "egid", KIND_GROUP },
        { "euid", KIND_USER },
        { "exe", KIND_TEXT },
        { "exit", KIND_EXIT },
        { "family", KIND_CODE },
        { "fi", KIND_CODE },
        { "file", KIND_TEXT },
        { "flags", KIND_CODE },
        { "fp", KIND_CODE },
        { "fsgid", KIND_GROUP },
        { "fsuid", KIND_USER },
        { "gid", KIND_GROUP },
        { "grp", KIND_TEXT },
        { "hook", KIND_CODE },
        { "icmptype", KIND_CODE },
        { "id", KIND_USER },
        { "igid", KIND_GROUP },
        { "info", KIND_TEXT },
        { "inode_gid", KIND_GROUP },
        { "inode_uid", KIND_USER },
        { "invalid_context", KIND_TEXT },
        { "ioctlcmd", KIND_CODE },
        { "iuid", KIND_USER },
        { "key", KIND_KEY },
        { "list", KIND_CODE },
        { "macproto", KIND_CODE },
        { "mode", KIND_MODE },
        { "name", KIND_TEXT },
        { "new-chardev", KIND_TEXT },
        { "new-disk", KIND_TEXT },
        { "new-fs", KIND_TEXT },
        { "new-net", KIND_TEXT },
        { "new-rng", KIND_TEXT },
        { "new_gid", KIND_GROUP },
        { "new_group", KIND_TEXT },
        { "new_pe", KIND_CODE },
        { "new_pi", KIND_CODE },
        { "new_pp", KIND_CODE },
        { "nl-mcgrp", KIND_CODE },
        { "oauid", KIND_USER },
        { "obj_gid", KIND_GROUP },
        { "obj_uid", KIND_USER },
        { "ocomm", KIND_TEXT },
        { "oflag", KIND_CODE },
        { "ogid", KIND_GROUP },
        { "old-auid", KIND_USER },
        { "old-chardev", KIND_TEXT },
        { "old-disk", KIND_TEXT },
        { "old-fs", KIND_TEXT },
        { "old-net", KIND_TEXT },
        { "old-rng", KIND_TEXT },
        { "old_pa", KIND_CODE },
        { "old_pe", KIND_CODE },
        { "old_pi", KIND_CODE },
        { "old_pp", KIND_CODE },
        { "old_prom", KIND_CODE },
        { "operation", KIND_TEXT },
        { "ouid", KIND_USER },
        { "pa", KIND_CODE },
        { "path", KIND_TEXT },
        { "pe", KIND_CODE },
        { "per", KIND_CODE },
        { "perm", KIND_CODE },
        { "perm_mask", KIND_CODE },
        { "pi", KIND_CODE },
        { "pp", KIND_CODE },
        { "proctitle", KIND_PROCTITLE },
        { "profile", KIND_TEXT },
        { "prom", KIND_CODE },
        { "proto", KIND_CODE },
        { "requested_mask", KIND_TEXT },
        { "res", KIND_RESULT },
        { "resolve", KIND_CODE },
        { "resp", KIND_CODE },
        { "result", KIND_RESULT },
        { "root_dir", KIND_TEXT },
        { "saddr", KIND_SADDR },
        { "sauid", KIND_USER },
        { "ses", KIND_SESSION },
        { "sgid", KIND_GROUP },
        { "sig", KIND_CODE },
        { "sigev_signo", KIND_CODE },
        { "suid", KIND_USER },
        { "sw", KIND_TEXT },
        { "syscall", KIND_SYSCALL },
        { "uid", KIND_USER },
        { "vm", KIND_TEXT },
        { "watch", KIND_TEXT },
};

/* Names that mean something else in records of one type. */
static const struct {
        int32_t type;
        FieldRow row;
} by_type[] = {
        { AUDIT_AVC, { "saddr", KIND_PLAIN } },           { AUDIT_USER_TTY, { "msg", KIND_TEXT } },
        { AUDIT_NETFILTER_PKT, { "saddr", KIND_PLAIN } }, { AUDIT_MQ_OPEN, { "mode", KIND_MODE_SHORT } },
        { AUDIT_CRYPTO_KEY_USER, { "fp", KIND_PLAIN } },  { AUDIT_ADD_GROUP, { "id", KIND_GROUP } },
        { AUDIT_GRP_MGMT, { "id", KIND_GROUP } },         { AUDIT_DEL_GROUP, { "id", KIND_GROUP } },
};

static int compare_name(const void *key, const void *row) {
        const Str *name = key;
        const FieldRow *f = row;
        int c = memcmp(name->p, f->name, name->n);

        return c ? c : -(f->name[name->n] != 0);
}

static FieldKind kind_of_name(Str name) {
        const FieldRow *row;

        if (!name.n || name.n >= sizeof(row->name))
                return KIND_PLAIN;
        row = bsearch(&name, fields, ARRAY_SIZE(fields), sizeof(*fields), compare_name);
        return row ? row->kind : KIND_PLAIN;
}

/* In EXECVE records whatever starts with a is an argument, except its count and the lengths. */
static bool is_execve_text(Str name) {
        return name.n && *name.p == 'a' && !str_eq(name, STR("argc")) && !memmem(name.p, name.n, "_len", 4);
}

FieldKind decode_kind(int type, Str name) {
        if (type == AUDIT_EXECVE && is_execve_text(name))
                return KIND_TEXT;
        for (size_t i = 0; i < ARRAY_SIZE(by_type); i++)
                if (type == by_type[i].type && str_eqz(name, by_type[i].row.name))
                        return by_type[i].row.kind;
        if (type == AUDIT_TRUSTED_APP && !str_eq(name, STR("acct")))
                return KIND_TEXT_WORD;
        return kind_of_name(name);
}

bool decode_has_exceptions(int type) {
        if (type == AUDIT_EXECVE || type == AUDIT_TRUSTED_APP)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(by_type); i++)
                if (type == by_type[i].type)
                        return true;
        return false;
}

static bool is_decimal(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < '0' || s.p[i] > '9')
                        return false;
        return true;
}

bool decode_is_hex_text(FieldKind kind, const Field *f) {
        switch (kind) {
        case KIND_TEXT:
        case KIND_TEXT_MAYBE:
        case KIND_KEY:
        case KIND_PROCTITLE:
        case KIND_TTY: return !f->quoted && str_is_hex(f->value);
        case KIND_TEXT_WORD: return !f->quoted && str_is_hex(f->value) && !is_decimal(f->value);
        default: return false;
        }
}

void decode_text(Buf *out, FieldKind kind, const Field *f) {
        size_t start = out->n;
        char *dst;

        if (!decode_is_hex_text(kind, f)) {
                buf_str(out, f->value);
                return;
        }
        dst = buf_reserve(out, f->value.n / 2);
        if (!dst)
                return;
        out->n += str_unhex(dst, f->value);
        if (kind != KIND_PROCTITLE)
                return;
        for (size_t i = start; i < out->n; i++)
                if (!out->p[i])
                        out->p[i] = ' ';
}

/* Reads digits at *pos; false when there are none or too many. */
static bool digits(Str s, size_t *pos, uint32_t *ret) {
        size_t start = *pos, i = start;
        uint32_t v = 0;

        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && i - start < 9; i++)
                v = v * 10 + (uint32_t)(s.p[i] - '0');
        if (i == start)
                return false;
        *pos = i;
        *ret = v;
        return true;
}

bool decode_execve_arg(Str name, uint32_t *ret_arg, int64_t *ret_piece) {
        uint32_t arg, piece = 0;
        bool has_piece;
        size_t i = 1;

        if (!name.n || *name.p != 'a' || !digits(name, &i, &arg))
                return false;
        has_piece = i < name.n;
        if (has_piece) {
                if (name.p[i++] != '[' || !digits(name, &i, &piece) || i + 1 != name.n || name.p[i] != ']')
                        return false;
        }
        if (ret_arg)
                *ret_arg = arg;
        if (ret_piece)
                *ret_piece = has_piece ? (int64_t)piece : -1;
        return true;
}

#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef AF_XDP
#define AF_XDP 44
#endif

static const char *const families[] = {
        [AF_LOCAL] = "local",
        [AF_INET] = "inet",
        [AF_AX25] = "ax25",
        [AF_IPX] = "ipx",
        [AF_APPLETALK] = "appletalk",
        [AF_NETROM] = "netrom",
        [AF_BRIDGE] = "bridge",
        [AF_ATMPVC] = "atmpvc",
        [AF_X25] = "x25",
        [AF_INET6] = "inet6",
        [AF_ROSE] = "rose",
        [AF_DECnet] = "decnet",
        [AF_NETBEUI] = "netbeui",
        [AF_SECURITY] = "security",
        [AF_KEY] = "key",
        [AF_NETLINK] = "netlink",
        [AF_PACKET] = "packet",
        [AF_ASH] = "ash",
        [AF_ECONET] = "econet",
        [AF_ATMSVC] = "atmsvc",
        [AF_RDS] = "rds",
        [AF_SNA] = "sna",
        [AF_IRDA] = "irda",
        [AF_PPPOX] = "pppox",
        [AF_WANPIPE] = "wanpipe",
        [AF_LLC] = "llc",
        [AF_CAN] = "can",
        [AF_TIPC] = "tipc",
        [AF_BLUETOOTH] = "bluetooth",
        [AF_IUCV] = "iucv",
        [AF_RXRPC] = "rxrpc",
        [AF_ISDN] = "isdn",
        [AF_PHONET] = "phonet",
        [AF_IEEE802154] = "ieee802154",
        [AF_CAIF] = "caif",
        [AF_ALG] = "alg",
        [AF_NFC] = "nfc",
        [AF_VSOCK] = "vsock",
        [AF_KCM] = "kcm",
        [AF_QIPCRTR] = "qipcrtr",
        [AF_SMC] = "smc",
        [AF_XDP] = "xdp",
};

static SaddrForm read_inet(SocketAddress *a) {
        struct sockaddr_in in;

        if (a->n_bytes < sizeof(in))
                return SADDR_SHORT;
        memcpy(&in, a->bytes, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, a->address, sizeof(a->address));
        a->port = ntohs(in.sin_port);
        return SADDR_INET;
}

static SaddrForm read_inet6(SocketAddress *a) {
        struct sockaddr_in6 in6;
        size_t n;

        if (a->n_bytes < sizeof(in6))
                return SADDR_SHORT;
        memcpy(&in6, a->bytes, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, a->address, sizeof(a->address));
        n = strlen(a->address);
        if (in6.sin6_scope_id)
                snprintf(a->address + n, sizeof(a->address) - n, "%%%u", in6.sin6_scope_id);
        a->port = ntohs(in6.sin6_port);
        return SADDR_INET;
}

static SaddrForm read_unix(SocketAddress *a) {
        const char *path = (const char *)a->bytes + sizeof(sa_family_t);

        a->is_abstract = !*path;
        path += a->is_abstract;
        a->n_path = (uint8_t)strnlen(path, sizeof(a->path) - 1);
        memcpy(a->path, path, a->n_path);
        /* "a" without a NUL is a path, but not for libauparse */
        return a->n_bytes < 4 ? SADDR_SHORT : SADDR_UNIX;
}

static SaddrForm read_netlink(SocketAddress *a) {
        struct sockaddr_nl nl;

        if (a->n_bytes < sizeof(nl))
                return SADDR_SHORT;
        memcpy(&nl, a->bytes, sizeof(nl));
        a->pid = nl.nl_pid;
        a->groups = nl.nl_groups;
        return SADDR_NETLINK;
}

static SaddrForm read_form(SocketAddress *a) {
        switch (a->family) {
        case AF_INET: return read_inet(a);
        case AF_INET6: return read_inet6(a);
        case AF_LOCAL: return read_unix(a);
        case AF_NETLINK: return read_netlink(a);
        default: return SADDR_NONE;
        }
}

int decode_saddr(Str hex, SocketAddress *ret) {
        SocketAddress a = { 0 };
        size_t n = str_unhex((char *)a.bytes,
                             (Str){ hex.p, hex.n < 2 * SADDR_MAX ? hex.n & ~1ul : 2 * SADDR_MAX });

        if (n < sizeof(sa_family_t))
                return DECODE_E_BAD;
        a.n_bytes = hex.n / 2 < SADDR_MAX ? hex.n / 2 : SADDR_MAX;
        memcpy(&a.family, a.bytes, sizeof(a.family));
        a.family_name = a.family < ARRAY_SIZE(families) ? families[a.family] : NULL;
        a.form = read_form(&a);
        *ret = a;
        return 0;
}

int decode_machine(Str arch) {
        uint64_t elf;

        return str_u64(arch, 16, &elf) ? audit_elf_to_machine((unsigned)elf) : -1;
}

const char *decode_syscall_name(int machine, uint32_t number) {
        return machine < 0 ? NULL : audit_syscall_to_name((int)number, machine);
}

int decode_syscall_number(int machine, Str name) {
        char z[64];

        if (machine < 0 || !name.n || name.n >= sizeof(z))
                return -1;
        memcpy(z, name.p, name.n);
        z[name.n] = 0;
        return audit_name_to_syscall(z, machine);
}

const char *decode_machine_name(int machine) {
        return machine < 0 ? NULL : audit_machine_to_name((unsigned)machine);
}
