/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of the names in a record rules use, and how values under them are written. */
#include <errno.h>
#include <stdlib.h>
#include "rule/category.h"
#include "rule/view-parts.h"

#define NAME_SLOTS 256u
#define MAX_TYPE   4096 /* of record types whose kinds of fields are remembered */

static const uint64_t head_masks[9] = { 0,          0xFF,         0xFFFF,         0xFFFFFF,
                                        0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF, 0xFFFFFFFFFFFFFF,
                                        UINT64_MAX };

static uint64_t load_head(const char *p, size_t n) {
        uint64_t head;

        memcpy(&head, p, sizeof(head));
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
                head = __builtin_bswap64(head);
        return head & head_masks[n < 8 ? n : 8];
}

static size_t name_slot(const Viewer *x, uint64_t head, size_t n) {
        return (head * UINT64_C(0x9E3779B97F4A7C15) + n * UINT64_C(0xC2B2AE3D27D4EB4F)) >> 36 &
               (x->n_names - 1);
}

/* @name: RECORD_SLACK bytes behind it can be read, as behind every name in a record. */
uint32_t view_find(const Viewer *x, Str name) {
        uint64_t head = load_head(name.p, name.n);
        size_t at = name_slot(x, head, name.n);

        for (; x->names[at].n; at = (at + 1) & (x->n_names - 1)) {
                const FieldName *f = &x->names[at];

                if (f->head == head && f->n == name.n &&
                    (name.n <= 8 || !memcmp(x->set->ast.fields[f->id].name.p, name.p, name.n)))
                        return f->id;
        }
        return NO_FIELD;
}

static uint32_t find_text(const Viewer *x, const char *z) {
        char padded[64] = { 0 };
        size_t n = strlen(z);

        memcpy(padded, z, n);
        return view_find(x, (Str){ padded, n });
}

uint32_t view_find_wanted(const Viewer *x, Str name) {
        uint32_t id = view_find(x, name);

        if (id == NO_FIELD || !x->wanted || x->wanted[id / 64] >> id % 64 & 1)
                return id;
        return NO_FIELD;
}

static int make_names(Viewer *x) {
        const Ast *a = &x->set->ast;

        for (x->n_names = NAME_SLOTS; x->n_names < a->n_fields * 4;)
                x->n_names *= 2;
        x->names = calloc(x->n_names, sizeof(*x->names));
        x->kinds = calloc(MAX_TYPE, sizeof(*x->kinds));
        if (!x->names || !x->kinds)
                return -ENOMEM;
        for (uint32_t i = 0; i < a->n_fields; i++) {
                Str name = a->fields[i].name;
                char padded[8] = { 0 };
                size_t at;

                if (!name.n)
                        continue;
                memcpy(padded, name.p, name.n < 8 ? name.n : 8);
                at = name_slot(x, load_head(padded, name.n), name.n);
                while (x->names[at].n)
                        at = (at + 1) & (x->n_names - 1);
                x->names[at] = (FieldName){ load_head(padded, name.n), (uint32_t)name.n, i };
        }
        return 0;
}

static void find_fields(Viewer *x) {
        static const char *const saddr[] = { "saddr_fam", "laddr", "lport", "path" };
        static const char *const head[_HEAD_N] = { "exit", "a0", "a1", "a2", "a3", "items", "ppid", "pid" };
        static const char *const path[_PATH_N] = { "item", "name", "inode" };

        x->id_msg = find_text(x, "msg");
        x->id_timestamp = find_text(x, "timestamp");
        x->id_serial = find_text(x, "serial");
        x->id_node = find_text(x, "node");
        x->id_syscall = find_text(x, "syscall");
        x->id_SYSCALL = find_text(x, "SYSCALL");
        x->id_ARCH = find_text(x, "ARCH");
        x->id_key = find_text(x, "key");
        x->id_cwd = find_text(x, "cwd");
        x->id_proctitle = find_text(x, "proctitle");
        for (size_t i = 0; i < 4; i++)
                x->id_saddr[i] = find_text(x, saddr[i]);
        for (size_t i = 0; i < _HEAD_N; i++)
                x->id_head[i] = find_text(x, head[i]);
        for (size_t i = 0; i < ARRAY_SIZE(x->id_arg); i++) {
                const char name[] = { 'a', (char)('0' + i), '\0' };

                x->id_arg[i] = find_text(x, name);
        }
        for (size_t i = 0; i < _PATH_N; i++)
                x->id_path[i] = find_text(x, path[i]);
        for (size_t i = 0; i < _CATEGORY_N; i++)
                x->id_category[i] = find_text(x, category_names[i]);
}

static bool wants_any(const uint64_t *wanted, const uint32_t *ids, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (ids[i] != NO_FIELD && wanted[ids[i] / 64] >> ids[i] % 64 & 1)
                        return true;
        return false;
}

bool viewer_needs_header(const Viewer *x, const uint64_t *wanted) {
        const uint32_t ids[] = { x->id_timestamp, x->id_serial, x->id_node };

        return (wanted[FIELD_TYPE / 64] >> FIELD_TYPE % 64 & 1) || wants_any(wanted, ids, ARRAY_SIZE(ids));
}

void viewer_names(const Viewer *x, const uint64_t *wanted, FieldNames *ret) {
        const uint32_t calls[] = { x->id_syscall, x->id_SYSCALL, x->id_ARCH };

        *ret = (FieldNames){ 0 };
        for (uint32_t i = 0; i < x->set->ast.n_fields; i++)
                if (wanted[i / 64] >> i % 64 & 1)
                        field_names_add(ret, x->set->ast.fields[i].name);
        if (wants_any(wanted, calls, ARRAY_SIZE(calls))) {
                field_names_add(ret, STR("arch"));
                field_names_add(ret, STR("syscall"));
                field_names_add(ret, STR("SYSCALL"));
        }
        if (wants_any(wanted, x->id_saddr, ARRAY_SIZE(x->id_saddr)))
                field_names_add(ret, STR("saddr"));
}

/* decode_kind(), remembered for names that rules use. */
FieldKind view_kind(Viewer *x, int type, Str name, uint32_t id) {
        uint8_t **row;

        if (id == NO_FIELD || type < 0 || type >= MAX_TYPE)
                return decode_kind(type, name);
        row = &x->kinds[type];
        if (unlikely(!*row)) {
                *row = calloc(x->set->ast.n_fields, 1);
                if (!*row)
                        return decode_kind(type, name);
        }
        if (unlikely(!(*row)[id]))
                (*row)[id] = (uint8_t)(decode_kind(type, name) + 1);
        return (FieldKind)((*row)[id] - 1);
}

int view_names_init(Viewer *x) {
        int r = make_names(x);

        if (!r)
                find_fields(x);
        return r;
}

void view_names_done(Viewer *x) {
        for (size_t i = 0; x->kinds && i < MAX_TYPE; i++)
                free(x->kinds[i]);
        free(x->kinds);
        free(x->names);
}
