/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/escape.h"
#include "event/event.h"
#include "role/cmd/suite-file.h"
#include "role/rules.h"

#define MAX_CODE 60 /* bytes of the file's own text in a message */

int suite_file_error(const SuiteFile *f, const YamlNode *at, const char *fmt, ...) {
        Buf out = BUF_INIT, text = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        buf_attach(&out, STDERR_FILENO);
        escape_terminal(&out, str_from(f->path));
        buf_printf(&out, ":%u:%u: error: ", at ? at->line : 1, at ? at->column : 1);
        escape_terminal(&out, buf_view(&text));
        buf_putc(&out, '\n');
        buf_flush(&out);
        buf_done(&out);
        buf_done(&text);
        return SUITE_E_BAD;
}

static int shown(Str s) { return (int)(s.n > MAX_CODE ? MAX_CODE : s.n); }

/* The path as seen from where the program runs. */
static char *resolve(SuiteFile *f, Str path) {
        const char *slash = strrchr(f->path, '/');
        size_t n = slash && !str_starts(path, STR("/")) ? (size_t)(slash - f->path) + 1 : 0;
        char *p = arena_alloc(&f->arena, n + path.n + 1);

        if (!p)
                return NULL;
        memcpy(p, f->path, n);
        memcpy(p + n, path.p, path.n);
        return p;
}

static int read_text(SuiteFile *f, const YamlNode *n, Str *ret) {
        if (n->kind == YAML_NULL || !yaml_is_scalar(n) || !n->text.n || memchr(n->text.p, '\0', n->text.n))
                return suite_file_error(f, n, "this must be a text; write one");
        *ret = n->text;
        return 0;
}

/* A list of paths, or one path alone. */
static int read_paths(SuiteFile *f, const YamlNode *n, char ***ret, size_t *ret_n) {
        YamlNode *const one = (YamlNode *)n, *const *v = n->kind == YAML_LIST ? n->v : &one;
        size_t n_v = n->kind == YAML_LIST ? n->n : 1;
        char **paths = arena_alloc(&f->arena, (n_v + 1) * sizeof(*paths));
        int r = paths ? 0 : -ENOMEM;

        for (size_t i = 0; i < n_v && !r; i++) {
                Str path = STR_NULL;

                r = read_text(f, v[i], &path);
                if (r)
                        return r;
                paths[i] = resolve(f, path);
                r = paths[i] ? 0 : -ENOMEM;
        }
        if (!r && !n_v)
                r = suite_file_error(f, n, "an empty list; write at least one path");
        if (!r) {
                *ret = paths;
                *ret_n = n_v;
        }
        return r;
}

/* ---- hits ---- */

/* As output writes it, so that ids can be compared as texts. */
static bool is_event_id(const YamlNode *n) {
        Buf b = BUF_INIT;
        RecordId id;
        bool is = yaml_is_scalar(n) && event_id_parse(n->text, &id);

        if (is) {
                event_id_format(&b, &id);
                is = str_eq(buf_view(&b), n->text);
        }
        buf_done(&b);
        return is;
}

static int add_hits(SuiteFile *f, SuiteTest *t, Str rule, const YamlNode *list) {
        if (list->kind != YAML_LIST)
                return suite_file_error(f, list,
                                        "this must be a list of event ids; write [] where nothing may hit");
        if (rule.p)
                t->hits[t->n_hits++] = (SuiteHit){ rule, STR_NULL, list };
        for (size_t i = 0; i < list->n; i++) {
                const YamlNode *n = list->v[i];

                if (!is_event_id(n))
                        return suite_file_error(f, n,
                                                "this is no event id; write \"sec.ms:serial\" or "
                                                "\"node/sec.ms:serial\", as in \"1795336282.774:116533\"");
                t->hits[t->n_hits++] = (SuiteHit){ rule, n->text, n };
        }
        return 0;
}

static int read_hits(SuiteFile *f, SuiteTest *t, const YamlNode *n) {
        int r = 0;

        t->by_rule = n->kind == YAML_MAP;
        t->hits = arena_alloc(&f->arena, (n->weight + 1) * sizeof(*t->hits));
        if (!t->hits)
                return -ENOMEM;
        if (!t->by_rule)
                return add_hits(f, t, STR_NULL, n);
        for (size_t i = 0; i < n->n && !r; i++)
                r = add_hits(f, t, n->keys[i]->text, n->v[i]);
        return r;
}

/* ---- maps: one row a key ---- */

typedef struct {
        const char *name;
        int (*read)(SuiteFile *f, void *into, const YamlNode *value);
        const char *missing; /* what to write when it is not there; NULL: it need not be */
} Key;

static int read_map(SuiteFile *f, const YamlNode *map, const Key *keys, size_t n_keys, void *into) {
        int bad = 0;

        if (map->kind != YAML_MAP)
                return suite_file_error(f, map, "this must be a map; write \"%s: …\"", keys[0].name);
        for (size_t i = 0; i < map->n; i++) {
                size_t k = 0;
                int r;

                while (k < n_keys && !str_eqz(map->keys[i]->text, keys[k].name))
                        k++;
                r = k < n_keys ? keys[k].read(f, into, map->v[i])
                               : suite_file_error(f, map->keys[i],
                                                  "\"%.*s\" is unknown; aulert-test(1) says what "
                                                  "can stand here",
                                                  shown(map->keys[i]->text), map->keys[i]->text.p);
                if (r < 0)
                        return r;
                bad |= r;
        }
        for (size_t k = 0; k < n_keys; k++)
                if (keys[k].missing && !yaml_get(map, keys[k].name))
                        bad |= suite_file_error(f, map, "there is no \"%s\"; write %s", keys[k].name,
                                                keys[k].missing);
        return bad ? SUITE_E_BAD : 0;
}

static int on_name(SuiteFile *f, void *into, const YamlNode *n) {
        return read_text(f, n, &((SuiteTest *)into)->name);
}

static int on_captures(SuiteFile *f, void *into, const YamlNode *n) {
        SuiteTest *t = into;

        return read_paths(f, n, &t->captures, &t->n_captures);
}

static int on_hits(SuiteFile *f, void *into, const YamlNode *n) { return read_hits(f, into, n); }

static int on_tests(SuiteFile *f, void *into, const YamlNode *n) {
        static const Key keys[] = {
                { "name", on_name, "what the test shows" },
                { "captures", on_captures, "a list of captures, read as one stream" },
                { "hits", on_hits, "a list of event ids; [] where nothing may hit" },
        };
        int bad = 0;

        if (n->kind != YAML_LIST || !n->n)
                return suite_file_error(f, n, "this must be a list of tests; write \"- name: …\"");
        f->tests = arena_alloc(&f->arena, n->n * sizeof(*f->tests));
        if (!f->tests)
                return -ENOMEM;
        for (f->n_tests = 0; f->n_tests < n->n; f->n_tests++) {
                SuiteTest *t = &f->tests[f->n_tests];
                int r;

                t->at = n->v[f->n_tests];
                r = read_map(f, t->at, keys, ARRAY_SIZE(keys), t);
                if (r < 0)
                        return r;
                bad |= r;
        }
        return bad;
}

static int on_rules(SuiteFile *f, void *into, const YamlNode *n) {
        char **paths;
        int r = read_paths(f, n, &paths, &f->n_rules);

        if (!r)
                f->rules = (const char **)paths;
        return r;
}

static int on_expand(SuiteFile *f, void *into, const YamlNode *n) {
        Str path = STR_NULL;
        int r = read_text(f, n, &path);

        if (r)
                return r;
        f->options.placeholders = resolve(f, path);
        return f->options.placeholders ? 0 : -ENOMEM;
}

static int on_scope(SuiteFile *f, void *into, const YamlNode *n) {
        if (!yaml_is_scalar(n) || !rules_scope(n->text, &f->options.scope))
                return suite_file_error(f, n, "the scope is context, record or event; write one of them");
        return 0;
}

static int on_fire(SuiteFile *f, void *into, const YamlNode *n) {
        f->options.correlation_edge = yaml_is_scalar(n) && str_eqz(n->text, "edge");
        if (!f->options.correlation_edge && !(yaml_is_scalar(n) && str_eqz(n->text, "each")))
                return suite_file_error(f, n, "corr-fire is each or edge; write one of them");
        return 0;
}

/* ---- the file ---- */

/* NAME.test.yml is about NAME.yml. */
static int default_rules(SuiteFile *f) {
        Str path = str_from(f->path), ending = str_ends(path, STR(".test.yaml")) ? STR(".yaml") : STR(".yml");
        size_t n = path.n - ending.n - strlen(".test");
        const char **rules = arena_alloc(&f->arena, sizeof(*rules));
        char *p = arena_alloc(&f->arena, path.n + 1);

        if (f->rules)
                return 0;
        if (!rules || !p)
                return -ENOMEM;
        memcpy(p, path.p, n);
        memcpy(p + n, ending.p, ending.n);
        rules[0] = p;
        f->rules = rules;
        f->n_rules = 1;
        return 0;
}

static int read_whole(SuiteFile *f, Str *ret) {
        int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        char *p = NULL;
        size_t n = 0;
        ssize_t k = 1;

        if (fd < 0 || fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && (errno = EINVAL)) ||
            (st.st_size > YAML_MAX_BYTES && (errno = EFBIG)) ||
            !(p = arena_alloc(&f->arena, (size_t)st.st_size + 1)))
                k = -1;
        while (k > 0 && n < (size_t)st.st_size) {
                k = read(fd, p + n, (size_t)st.st_size - n);
                n += k > 0 ? (size_t)k : 0;
        }
        if (k < 0)
                suite_file_error(f, NULL, "cannot be read: %s; check the path and its permissions",
                                 strerror(p || errno ? errno : ENOMEM));
        if (fd >= 0)
                close(fd);
        *ret = (Str){ p, n };
        return k < 0 ? SUITE_E_BAD : 0;
}

static int read_yaml(SuiteFile *f, const YamlNode **ret) {
        YamlFile yaml;
        YamlError error = { 0 };
        Str text;
        int r = read_whole(f, &text);

        if (r)
                return r;
        r = yaml_read(&yaml, &f->arena, text, &error);
        if (r == YAML_E_BAD)
                return suite_file_error(f, &(YamlNode){ .line = error.line, .column = error.column }, "%s",
                                        error.text);
        if (!r && yaml.n_docs != 1)
                return suite_file_error(f, yaml.n_docs ? yaml.docs[1] : NULL,
                                        "a test file holds one document; write \"tests:\" and a list");
        if (!r)
                *ret = yaml.docs[0];
        return r;
}

int suite_file_read(SuiteFile *ret, const char *path) {
        static const Key keys[] = {
                { "tests", on_tests, "a list of tests" },
                { "rules", on_rules, NULL },
                { "expand", on_expand, NULL },
                { "scope", on_scope, NULL },
                { "corr-fire", on_fire, NULL },
        };
        const YamlNode *doc = NULL;
        int r;

        *ret = (SuiteFile){ .path = path, .arena = ARENA_INIT };
        r = read_yaml(ret, &doc);
        r = r ? r : read_map(ret, doc, keys, ARRAY_SIZE(keys), ret);
        return r ? r : default_rules(ret);
}

void suite_file_done(SuiteFile *f) { arena_done(&f->arena); }
