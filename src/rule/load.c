/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the files, reads them one by one, puts the set together. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/hash.h"
#include "rule/index.h"
#include "rule/load.h"

#define MAX_DIR_DEPTH 32

int load_grow(void *array, size_t size, size_t n, size_t *cap) {
        void **p = array, *v;

        if (n < *cap)
                return 0;
        v = reallocarray(*p, *cap ? *cap * 2 : 16, size);
        if (!v)
                return -ENOMEM;
        *p = v;
        *cap = *cap ? *cap * 2 : 16;
        return 0;
}

void load_refuse(Load *l, Str what) {
        l->set->stats.refused++;
        if (l->set->options.refused)
                l->set->options.refused(l->parse.userdata, what);
}

/* The slot of @name: its own, or the empty one where it belongs. */
static size_t name_slot(const LoadNames *x, Str name) {
        size_t at = hash_str(name) & (x->n_slots - 1);

        while (x->slots[at].name.p && !str_eq(x->slots[at].name, name))
                at = (at + 1) & (x->n_slots - 1);
        return at;
}

bool load_find_rule(const Load *l, Str name, uint32_t *ret) {
        size_t at;

        if (!l->names.n_slots)
                return false;
        at = name_slot(&l->names, name);
        if (!l->names.slots[at].name.p)
                return false;
        *ret = l->names.slots[at].rule;
        return true;
}

int load_name_rule(Load *l, Str name, uint32_t rule) {
        LoadNames *x = &l->names;
        size_t at;

        if (x->n * 2 >= x->n_slots) {
                LoadNames bigger = { .n_slots = x->n_slots ? x->n_slots * 2 : 64, .n = x->n };

                bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
                if (!bigger.slots)
                        return -ENOMEM;
                for (size_t i = 0; i < x->n_slots; i++)
                        if (x->slots[i].name.p)
                                bigger.slots[name_slot(&bigger, x->slots[i].name)] = x->slots[i];
                free(x->slots);
                *x = bigger;
        }
        at = name_slot(x, name);
        if (!x->slots[at].name.p) {
                x->slots[at].name = name;
                x->slots[at].rule = rule;
                x->n++;
        }
        return 0;
}

static int complain_errno(Load *l, const char *path, int error) {
        l->parse.file = path;
        l->parse.rule = STR("");
        parse_error(&l->parse, NULL, "cannot be read: %s; check the path and its permissions",
                    strerror(error));
        load_refuse(l, str_from(path));
        return 0;
}

/* The whole file into the arena; YAML_E_BAD: longer than any rule file may be. */
static int read_whole(Load *l, int fd, size_t size, Str *ret) {
        char *p;
        size_t n = 0;

        if (size > YAML_MAX_BYTES)
                size = YAML_MAX_BYTES;
        p = arena_alloc(&l->arena, size + 2);
        if (!p)
                return -ENOMEM;
        while (n <= size) {
                ssize_t k = read(fd, p + n, size + 1 - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (!k)
                        break;
                n += (size_t)k;
        }
        *ret = (Str){ p, n };
        return 0;
}

static int load_text(Load *l, Str file, Str text) {
        YamlFile yaml;
        YamlError error = { 0 };
        int r = yaml_read(&yaml, &l->arena, text, &error);

        l->parse.file = file.p;
        l->parse.rule = STR("");
        if (r == YAML_E_BAD) {
                YamlNode at = { .line = error.line, .column = error.column };

                parse_error(&l->parse, &at, "%s", error.text);
                load_refuse(l, file);
                return 0;
        }
        for (size_t i = 0; !r && i < yaml.n_docs; i++)
                r = document_load(l, file, yaml.docs[i]);
        return r;
}

static int complain_size(Load *l, const char *path, uint64_t size) {
        l->bytes -= size; /* a smaller one may fit */
        l->parse.file = path;
        l->parse.rule = STR("");
        parse_error(&l->parse, NULL,
                    "the rules are too large (128 MiB of files at most); load fewer of them");
        load_refuse(l, str_from(path));
        return 0;
}

static int load_fd(Load *l, int fd, const char *path, const struct stat *st) {
        Str file = arena_str(&l->set->ast.arena, str_from(path)), text;
        int r;

        l->bytes += (uint64_t)st->st_size;
        if (l->bytes > LOAD_MAX_BYTES)
                return complain_size(l, path, (uint64_t)st->st_size);
        r = file.p ? read_whole(l, fd, (size_t)st->st_size, &text) : -ENOMEM;
        if (r && r != -ENOMEM)
                return complain_errno(l, path, -r);
        return r ? r : load_text(l, file, text);
}

static int load_path(Load *l, int dir, const char *name, const char *path, unsigned depth);

/* NAME.test.yml holds tests of the rules in NAME.yml. */
static bool has_suffix(const char *name) {
        Str s = str_from(name);

        return (str_ends(s, STR(".yml")) && !str_ends(s, STR(".test.yml"))) ||
               (str_ends(s, STR(".yaml")) && !str_ends(s, STR(".test.yaml")));
}

static int wanted(const struct dirent *e) { return e->d_name[0] != '.'; }

static int load_entry(Load *l, int fd, const char *path, const char *name, unsigned depth) {
        struct stat st;
        char *full = NULL;
        int r = 0;

        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !(S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && has_suffix(name))))
                return 0;
        if (asprintf(&full, "%s%s%s", path, str_ends(str_from(path), STR("/")) ? "" : "/", name) < 0)
                return -ENOMEM;
        r = load_path(l, fd, name, full, depth + 1);
        free(full);
        return r;
}

/* Takes @fd. Entries in the order of their names, so that messages and line numbers are the same every time. */
static int load_dir(Load *l, int fd, const char *path, unsigned depth) {
        struct dirent **entries;
        int n, r = 0;

        if (depth > MAX_DIR_DEPTH) {
                close(fd);
                return complain_errno(l, path, ELOOP);
        }
        n = scandirat(fd, ".", &entries, wanted, alphasort);
        if (n < 0) {
                r = errno == ENOMEM ? -ENOMEM : complain_errno(l, path, errno);
                close(fd);
                return r;
        }
        for (int i = 0; i < n; i++) {
                if (!r)
                        r = load_entry(l, fd, path, entries[i]->d_name, depth);
                free(entries[i]);
        }
        free(entries);
        close(fd);
        return r;
}

static int load_path(Load *l, int dir, const char *name, const char *path, unsigned depth) {
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (depth ? O_NOFOLLOW : 0));
        struct stat st;
        int r;

        if (fd < 0)
                return complain_errno(l, path, errno);
        if (fstat(fd, &st) < 0) {
                r = errno;
                close(fd);
                return complain_errno(l, path, r);
        }
        if (S_ISDIR(st.st_mode))
                return load_dir(l, fd, path, depth);
        r = S_ISREG(st.st_mode) ? load_fd(l, fd, path, &st) : complain_errno(l, path, EINVAL);
        close(fd);
        return r;
}

static int load_placeholders(Load *l, const char *path) {
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        struct stat st;
        YamlFile yaml;
        YamlError error = { 0 };
        Str text;
        int r;

        if (!path)
                return 0;
        if (fd < 0 || fstat(fd, &st) < 0)
                return complain_errno(l, path, errno);
        r = read_whole(l, fd, (size_t)st.st_size, &text);
        close(fd);
        if (!r)
                r = yaml_read(&yaml, &l->arena, text, &error);
        l->parse.file = path;
        if (r == YAML_E_BAD || (!r && yaml.n_docs && yaml.docs[0]->kind != YAML_MAP)) {
                YamlNode at = { .line = error.line ? error.line : 1,
                                .column = error.column ? error.column : 1 };

                parse_error(&l->parse, &at, "%s",
                            r ? error.text
                              : "placeholders must be a map; write \"name: value\" or \"name: [values]\"");
                load_refuse(l, str_from(path));
                return 0;
        }
        if (!r && yaml.n_docs)
                l->parse.placeholders = yaml.docs[0];
        return r;
}

static void load_done(Load *l) {
        arena_done(&l->arena);
        free(l->filters);
        free(l->correlations);
        free(l->skipped);
        free(l->refused);
        free(l->names.slots);
}

int rule_set_load(RuleSet **ret, const char *const *paths, size_t n_paths, const RuleOptions *options,
                  RuleDiagFn diag, void *userdata) {
        RuleSet *set = calloc(1, sizeof(*set));
        Load l = { .set = set, .arena = ARENA_INIT };
        int r;

        if (!set)
                return -ENOMEM;
        set->n_ref = 1;
        if (options)
                set->options = *options;
        r = ast_init(&set->ast);
        l.parse = (Parse){ .ast = &set->ast, .diag = diag, .userdata = userdata };
        r = r ? r : load_placeholders(&l, set->options.placeholders);
        for (size_t i = 0; !r && i < n_paths; i++)
                r = load_path(&l, AT_FDCWD, paths[i], paths[i], 0);
        r = r ? r : document_finish(&l);
        r = r ? r : index_new(&set->index, set);
        load_done(&l);
        if (r)
                rule_set_unref(set);
        else
                *ret = set;
        return r;
}

RuleSet *rule_set_ref(RuleSet *set) {
        if (set)
                set->n_ref++;
        return set;
}

RuleSet *rule_set_unref(RuleSet *set) {
        if (!set || --set->n_ref)
                return NULL;
        index_free(set->index);
        ast_done(&set->ast);
        free(set->rules);
        free(set->correlations);
        free(set);
        return NULL;
}

const RuleSetStats *rule_set_stats(const RuleSet *set) { return &set->stats; }

const RuleInfo *rule_set_info(const RuleSet *set, size_t i) {
        if (i < set->n_rules)
                return &set->rules[i].info;
        i -= set->n_rules;
        return i < set->n_correlations ? &set->correlations[i].info : NULL;
}
