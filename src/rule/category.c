/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "meaning/decode.h"
#include "rule/category.h"
#include "rule/types.h"
#include "rule/view-parts.h"

const char *const category_names[_CATEGORY_N] = {
        [CATEGORY_IMAGE] = "Image",
        [CATEGORY_COMMAND_LINE] = "CommandLine",
        [CATEGORY_CURRENT_DIRECTORY] = "CurrentDirectory",
        [CATEGORY_USER] = "User",
        [CATEGORY_LOGON_ID] = "LogonId",
        [CATEGORY_TERMINAL_SESSION_ID] = "TerminalSessionId",
        [CATEGORY_PROCESS_ID] = "ProcessId",
        [CATEGORY_PARENT_PROCESS_ID] = "ParentProcessId",
        [CATEGORY_PARENT_IMAGE] = "ParentImage",
        [CATEGORY_PARENT_COMMAND_LINE] = "ParentCommandLine",
        [CATEGORY_INITIATED] = "Initiated",
        [CATEGORY_DESTINATION_IP] = "DestinationIp",
        [CATEGORY_DESTINATION_PORT] = "DestinationPort",
        [CATEGORY_SOURCE_IP] = "SourceIp",
        [CATEGORY_SOURCE_PORT] = "SourcePort",
        [CATEGORY_TARGET_FILENAME] = "TargetFilename",
};

static const Record *find_record(const Event *e, int type) {
        const Record *r = e->records;

        while (r && r->type != type)
                r = r->next;
        return r;
}

bool category_possible(const Event *e, ViewKind kind) {
        static const int needs[_VIEW_N] = {
                [VIEW_PROCESS] = TYPE_SYSCALL, [VIEW_NETWORK] = TYPE_SOCKADDR, [VIEW_FILE] = TYPE_PATH
        };

        return kind != VIEW_AUDIT && find_record(e, needs[kind]);
}

typedef enum { CALL_UNKNOWN, CALL_OTHER, CALL_EXEC, CALL_NETWORK } Call;

static Call call_of(Str name) {
        if (str_eq(name, STR("execve")) || str_eq(name, STR("execveat")))
                return CALL_EXEC;
        if (str_eq(name, STR("connect")) || str_eq(name, STR("accept")) || str_eq(name, STR("accept4")))
                return CALL_NETWORK;
        return CALL_OTHER;
}

/* What kind of call (arch, number) is; remembered, since a machine has few. */
static Call lookup_call(Viewer *x, Str arch, uint32_t number) {
        uint64_t key = 0;
        size_t at;

        memcpy(&key, arch.p, arch.n < 8 ? arch.n : 8);
        at = (key * 31 + number) % ARRAY_SIZE(x->calls);
        if (x->calls[at].arch != key || x->calls[at].number != number || !x->calls[at].call) {
                const char *name = decode_syscall_name(decode_machine(arch), number);

                if (!name)
                        return CALL_UNKNOWN;
                x->calls[at].arch = key;
                x->calls[at].number = number;
                x->calls[at].call = (uint8_t)call_of(str_from(name));
        }
        return (Call)x->calls[at].call;
}

/* The kernel writes "arch=c000003e syscall=59 success=yes …"; anything else is left for a full reading. */
static Call head_call(Viewer *x, const Record *r) {
        Str body = record_body(r), arch = { body.p + 5, 8 };
        uint64_t number = 0;
        size_t i = 22;

        if (body.n < 40 || memcmp(body.p, "arch=", 5) != 0 || memcmp(body.p + 13, " syscall=", 9) != 0)
                return CALL_UNKNOWN;
        for (; i < 32 && body.p[i] >= '0' && body.p[i] <= '9'; i++)
                number = number * 10 + (uint64_t)(body.p[i] - '0');
        return i > 22 && body.p[i] == ' ' && number < UINT32_MAX ? lookup_call(x, arch, (uint32_t)number)
                                                                 : CALL_UNKNOWN;
}

bool category_likely(Viewer *x, ViewKind kind) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];
        Call call = r && r->type == TYPE_SYSCALL ? head_call(x, r) : r ? CALL_UNKNOWN : CALL_OTHER;

        return call == CALL_UNKNOWN || call == (kind == VIEW_PROCESS ? CALL_EXEC : CALL_NETWORK);
}

static Str number_text(Viewer *x, int64_t n) {
        char text[24];

        if (n < 0)
                return STR_NULL;
        return view_keep(x, (Str){ text, view_number(text, (uint64_t)n) });
}

/* One text field of a record, decoded; STR_NULL without it. */
static Str record_text(Viewer *x, const Record *r, const char *name) {
        const Field *f;
        Str text;

        if (!r)
                return STR_NULL;
        f = field_find(viewer_split(x, r), str_from(name));
        if (!f || (!f->quoted && str_eq(f->value, STR("(null)"))))
                return STR_NULL;
        text = viewer_text(x, r->type, f);
        return text.p ? text : STR("");
}

static void common(Viewer *x, const Facts *f, CategoryValues *ret) {
        ret->v[CATEGORY_IMAGE] = f->exe;
        ret->v[CATEGORY_USER] = f->user.n ? f->user : str_eq(f->uid, STR("0")) ? STR("root") : f->uid;
        ret->v[CATEGORY_PROCESS_ID] = number_text(x, f->pid);
}

static bool is_exec(Str name) { return str_eq(name, STR("execve")) || str_eq(name, STR("execveat")); }

static bool read_process(Viewer *x, const Facts *f, CategoryValues *ret) {
        Str line;

        if (!f->success || !is_exec(f->name))
                return false;
        common(x, f, ret);
        ret->v[CATEGORY_LOGON_ID] = f->uid;
        ret->v[CATEGORY_TERMINAL_SESSION_ID] = f->ses;
        ret->v[CATEGORY_PARENT_PROCESS_ID] = number_text(x, f->ppid);
        ret->v[CATEGORY_CURRENT_DIRECTORY] = record_text(x, x->context_records[CONTEXT_CWD], "cwd");
        line = viewer_command_line(x);
        ret->v[CATEGORY_COMMAND_LINE] = line.p ? view_keep(x, line) : STR_NULL;
        return true;
}

static bool read_network(Viewer *x, const Facts *f, CategoryValues *ret) {
        bool out = str_eq(f->name, STR("connect"));
        const Record *r = find_record(x->event, TYPE_SOCKADDR);
        SocketAddress a;
        const Field *saddr;
        const char *address;

        if (!out && !str_eq(f->name, STR("accept")) && !str_eq(f->name, STR("accept4")))
                return false;
        if (!r || (!f->success && !(out && str_eq(f->exit, STR("-115")))))
                return false;
        saddr = field_find(viewer_split(x, r), STR("saddr"));
        if (!saddr || decode_saddr(view_socket_order(x, saddr->value), &a) || a.form != SADDR_INET)
                return false;
        common(x, f, ret);
        address = a.address;
        if (str_starts(str_from(address), STR("::ffff:")) && strchr(address + 7, '.'))
                address += 7;
        ret->v[CATEGORY_INITIATED] = out ? STR("true") : STR("false");
        ret->v[out ? CATEGORY_DESTINATION_IP : CATEGORY_SOURCE_IP] = view_keep(x, str_from(address));
        ret->v[out ? CATEGORY_DESTINATION_PORT : CATEGORY_SOURCE_PORT] = number_text(x, a.port);
        return true;
}

/* Appends the parts of @path that are not "", "." or "..", the last of which takes one part away. */
static void append_path(Buf *out, Str path) {
        for (size_t i = 0, end; i <= path.n; i = end + 1) {
                const char *slash = i < path.n ? memchr(path.p + i, '/', path.n - i) : NULL;
                Str part;

                end = slash ? (size_t)(slash - path.p) : path.n;
                part = (Str){ path.p + i, end - i };
                if (!part.n || str_eq(part, STR(".")))
                        continue;
                if (str_eq(part, STR(".."))) {
                        while (out->n && out->p[--out->n] != '/')
                                continue;
                        continue;
                }
                buf_putc(out, '/');
                buf_str(out, part);
        }
}

static bool is_directory(const FieldVec *fields) {
        const Field *mode = field_find(fields, STR("mode"));
        uint64_t bits = 0;

        for (size_t i = 0; mode && i < mode->value.n && i < 12; i++)
                bits = bits << 3 | (uint64_t)(mode->value.p[i] & 7);
        return (bits & 0170000) == 0040000;
}

static bool read_file(Viewer *x, const Facts *f, const Record *r, CategoryValues *ret) {
        const FieldVec *fields;
        const Field *nametype;
        Buf path = BUF_INIT;
        Str name, cwd;

        if (!f->success || !r)
                return false;
        fields = viewer_split(x, r);
        nametype = field_find(fields, STR("nametype"));
        if (!nametype || !str_eq(nametype->value, STR("CREATE")) || is_directory(fields))
                return false;
        name = record_text(x, r, "name");
        if (!name.p)
                return false;
        common(x, f, ret);
        if (!str_starts(name, STR("/"))) {
                cwd = record_text(x, x->context_records[CONTEXT_CWD], "cwd");
                append_path(&path, cwd.p ? cwd : STR(""));
        }
        append_path(&path, name);
        if (!path.n)
                buf_putc(&path, '/');
        ret->v[CATEGORY_TARGET_FILENAME] = path.failed ? STR_NULL : view_keep(x, buf_view(&path));
        buf_done(&path);
        return true;
}

bool category_read(Viewer *x, ViewKind kind, const Record *r, CategoryValues *ret) {
        const Facts *f = viewer_all_facts(x);

        if (!f->known)
                return false;
        switch (kind) {
        case VIEW_PROCESS: return read_process(x, f, ret);
        case VIEW_NETWORK: return read_network(x, f, ret);
        case VIEW_FILE: return read_file(x, f, r, ret);
        default: return false;
        }
}
