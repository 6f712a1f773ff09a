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

bool category_likely(Viewer *x, ViewKind kind) {
        const Call *call = x->context_records[CONTEXT_SYSCALL] ? viewer_call(x) : NULL;

        if (!call)
                return x->context_records[CONTEXT_SYSCALL] != NULL;
        return call->front->kind == CALL_UNKNOWN ||
               call->front->kind == (kind == VIEW_PROCESS ? CALL_EXEC : CALL_NETWORK);
}

/* Only what somebody looks at is written. */
static bool is_asked(const Viewer *x, CategoryField f) {
        return x->category_keywords || x->id_category[f] != UINT32_MAX;
}

static Str number_text(Viewer *x, CategoryField f, int64_t n) {
        char text[24];

        if (n < 0 || !is_asked(x, f))
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
        ret->v[CATEGORY_PROCESS_ID] = number_text(x, CATEGORY_PROCESS_ID, f->pid);
}

static bool read_process(Viewer *x, const Facts *f, CategoryValues *ret) {
        if (!f->success || f->kind != CALL_EXEC)
                return false;
        common(x, f, ret);
        ret->v[CATEGORY_LOGON_ID] = f->uid;
        ret->v[CATEGORY_TERMINAL_SESSION_ID] = f->ses;
        ret->v[CATEGORY_PARENT_PROCESS_ID] = number_text(x, CATEGORY_PARENT_PROCESS_ID, f->ppid);
        if (is_asked(x, CATEGORY_CURRENT_DIRECTORY))
                ret->v[CATEGORY_CURRENT_DIRECTORY] = record_text(x, x->context_records[CONTEXT_CWD], "cwd");
        ret->v[CATEGORY_COMMAND_LINE] = viewer_command_line(x);
        return true;
}

static bool read_network(Viewer *x, const Facts *f, CategoryValues *ret) {
        bool out = str_eq(f->name, STR("connect"));
        const Record *r = find_record(x->event, TYPE_SOCKADDR);
        CategoryField port;
        SocketAddress a;
        const Field *saddr;
        const char *address;

        if (f->kind != CALL_NETWORK)
                return false;
        if (!r || (!f->success && !(out && str_eq(f->exit, STR("-115")))))
                return false;
        saddr = field_find(viewer_split(x, r), STR("saddr"));
        if (!saddr || !view_read_socket(x, saddr->value, &a) || a.form != SADDR_INET)
                return false;
        common(x, f, ret);
        address = a.address;
        if (str_starts(str_from(address), STR("::ffff:")) && strchr(address + 7, '.'))
                address += 7;
        ret->v[CATEGORY_INITIATED] = out ? STR("true") : STR("false");
        ret->v[out ? CATEGORY_DESTINATION_IP : CATEGORY_SOURCE_IP] = view_keep(x, str_from(address));
        port = out ? CATEGORY_DESTINATION_PORT : CATEGORY_SOURCE_PORT;
        ret->v[port] = number_text(x, port, a.port);
        return true;
}

/* Appends the parts of @path that are not "", "." or "..", the last of which takes one part away. Where nobody knows what @out is below,
 * unless @rooted, a ".." that has no part to take away stays. */
static void append_path(Buf *out, Str path, bool rooted) {
        size_t fixed = 0;

        for (size_t i = 0, end; i <= path.n; i = end + 1) {
                const char *slash = i < path.n ? memchr(path.p + i, '/', path.n - i) : NULL;
                Str part;

                end = slash ? (size_t)(slash - path.p) : path.n;
                part = (Str){ path.p + i, end - i };
                if (!part.n || str_eq(part, STR(".")))
                        continue;
                if (str_eq(part, STR("..")) && (rooted || out->n > fixed)) {
                        while (out->n && out->p[--out->n] != '/')
                                continue;
                        continue;
                }
                buf_putc(out, '/');
                buf_str(out, part);
                if (str_eq(part, STR("..")))
                        fixed = out->n;
        }
}

static bool is_directory(const FieldVec *fields) {
        const Field *mode = field_find(fields, STR("mode"));
        uint64_t bits = 0;

        for (size_t i = 0; mode && i < mode->value.n && i < 12; i++)
                bits = bits << 3 | (uint64_t)(mode->value.p[i] & 7);
        return (bits & 0170000) == 0040000;
}

/* Where a PATH record's file is; from the root, if the directory of a relative name is known. */
static Str whole_path(Viewer *x, Str name) {
        Str cwd =
                str_starts(name, STR("/")) ? STR("") : record_text(x, x->context_records[CONTEXT_CWD], "cwd");
        Buf path = BUF_INIT;
        Str text;

        if (cwd.n)
                append_path(&path, cwd, true);
        append_path(&path, name, cwd.p != NULL);
        if (!path.n)
                buf_putc(&path, '/');
        x->failed |= path.failed;
        text = path.failed ? STR_NULL : view_keep(x, (Str){ path.p + !cwd.p, path.n - !cwd.p });
        buf_done(&path);
        return text;
}

static bool read_file(Viewer *x, const Facts *f, const Record *r, CategoryValues *ret) {
        const FieldVec *fields;
        const Field *nametype;
        Str name;

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
        ret->v[CATEGORY_TARGET_FILENAME] = whole_path(x, name);
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
