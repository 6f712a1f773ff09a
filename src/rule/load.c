/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes the files one by one, puts the set together. */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "rule/files.h"
#include "rule/index.h"
#include "rule/load.h"

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

        while (x->slots[at].first && !str_eq(x->slots[at].name, name))
                at = (at + 1) & (x->n_slots - 1);
        return at;
}

uint32_t load_named(const LoadNames *x, Str name) {
        return x->n_slots ? x->slots[name_slot(x, name)].first : 0;
}

bool load_find_rule(const Load *l, Str name, uint32_t *ret) {
        uint32_t at = load_named(&l->names, name);

        if (at)
                *ret = l->names.entries[at - 1].value;
        return at;
}

static int more_slots(LoadNames *x) {
        LoadNames bigger = { .n_slots = x->n_slots ? x->n_slots * 2 : 64 };

        bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
        if (!bigger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < x->n_slots; i++)
                if (x->slots[i].first)
                        bigger.slots[name_slot(&bigger, x->slots[i].name)] = x->slots[i];
        free(x->slots);
        x->slots = bigger.slots;
        x->n_slots = bigger.n_slots;
        return 0;
}

int load_name(LoadNames *x, Str name, uint32_t value) {
        uint32_t last;
        size_t at;

        if (x->n_names * 2 >= x->n_slots && more_slots(x))
                return -ENOMEM;
        at = name_slot(x, name);
        last = x->slots[at].last;
        if (last && x->entries[last - 1].value == value)
                return 0;
        if (load_grow(&x->entries, sizeof(*x->entries), x->n_entries, &x->cap_entries))
                return -ENOMEM;
        x->entries[x->n_entries].value = value;
        x->entries[x->n_entries++].next = 0;
        x->slots[at].last = (uint32_t)x->n_entries;
        if (last)
                x->entries[last - 1].next = x->slots[at].last;
        else {
                x->slots[at].name = name;
                x->slots[at].first = x->slots[at].last;
                x->n_names++;
        }
        return 0;
}

static void names_done(LoadNames *x) {
        free(x->slots);
        free(x->entries);
}

static int complain_errno(Load *l, const char *path, int error) {
        l->parse.file = path;
        l->parse.rule = STR("");
        if (error == EMLINK) {
                parse_warn(&l->parse, NULL,
                           "this is a symbolic link, and is not followed; write where it points to as a path "
                           "of its "
                           "own");
                return 0;
        }
        parse_error(&l->parse, NULL, "cannot be read: %s; check the path and its permissions",
                    error == ENAMETOOLONG ? "too many directories inside each other" : strerror(error));
        load_refuse(l, str_from(path));
        return 0;
}

static void complain_yaml(void *userdata, const YamlError *error) {
        Load *l = userdata;
        YamlNode at = { .line = error->line, .column = error->column };

        parse_error(&l->parse, &at, "%s", error->text);
        load_refuse(l, str_from(l->parse.file));
}

static int load_text(Load *l, Str file, Str text) {
        YamlFile yaml;
        int r;

        l->parse.file = file.p;
        l->parse.rule = STR("");
        r = yaml_read_good(&yaml, &l->arena, text, complain_yaml, l);
        for (size_t i = 0; !r && i < yaml.n_docs; i++)
                r = document_load(l, file, yaml.docs[i]);
        return r;
}

static int complain_size(Load *l, const char *path, uint64_t size) {
        l->bytes -= size; /* a smaller one may fit */
        l->parse.file = path;
        l->parse.rule = STR("");
        parse_error(
                &l->parse, NULL,
                "the rules are too large (128 MiB of files and 1 GiB of memory at most); load fewer of them");
        load_refuse(l, str_from(path));
        return 0;
}

/* A file as it was found, here or by another process. */
static int take_file(void *userdata, const RuleFile *f) {
        Load *l = userdata;
        Str file = arena_str(&l->set->ast.arena, str_from(f->path));

        if (l->set->options.stop && l->set->options.stop(l->parse.userdata))
                return -ECANCELED;
        if (!file.p)
                return -ENOMEM;
        if (f->error)
                return complain_errno(l, file.p, f->error);
        l->bytes += f->text.n;
        return l->bytes > LOAD_MAX_BYTES || l->arena.used > LOAD_MAX_MEMORY
                       ? complain_size(l, file.p, f->text.n)
                       : load_text(l, file, f->text);
}

static int take_placeholders(void *userdata, const RuleFile *f) {
        Load *l = userdata;
        YamlFile yaml;
        YamlError error = { 0 };
        int r;

        if (f->error)
                return complain_errno(l, f->path, f->error);
        r = yaml_read(&yaml, &l->arena, f->text, &error);
        l->parse.file = f->path;
        if (r == YAML_E_BAD || (!r && yaml.n_docs && (yaml.n_docs > 1 || yaml.docs[0]->kind != YAML_MAP))) {
                YamlNode at = { .line = error.line, .column = error.column };

                parse_error(&l->parse, r ? &at : yaml.docs[yaml.n_docs > 1], "%s",
                            r ? error.text
                              : "placeholders must be one map; write \"name: value\" or \"name: [values]\"");
                load_refuse(l, str_from(f->path));
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
        names_done(&l->names);
        names_done(&l->correlation_names);
        names_done(&l->skipped);
        names_done(&l->refused);
}

/* Where the files come from: @paths, or @files. */
typedef struct {
        const char *const *paths;
        const RuleFile *files;
        size_t n;
} Sources;

static int take_all(Load *l, const Sources *from) {
        const char *placeholders = l->set->options.placeholders;
        int r = placeholders ? rule_file_read(placeholders, take_placeholders, l) : 0;

        if (from->paths)
                return r ? r : rule_files_walk(from->paths, from->n, take_file, l);
        for (size_t i = 0; !r && i < from->n; i++)
                r = take_file(l, &from->files[i]);
        return r;
}

static int load(RuleSet **ret, const Sources *from, const RuleOptions *options, RuleDiagFn diag,
                void *userdata) {
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
        r = r ? r : take_all(&l, from);
        r = r ? r : document_finish(&l);
        r = r ? r : index_new(&set->index, set);
        load_done(&l);
        if (r)
                rule_set_unref(set);
        else
                *ret = set;
        return r;
}

int rule_set_load(RuleSet **ret, const char *const *paths, size_t n_paths, const RuleOptions *options,
                  RuleDiagFn diag, void *userdata) {
        return load(ret, &(Sources){ .paths = paths, .n = n_paths }, options, diag, userdata);
}

int rule_set_load_files(RuleSet **ret, const RuleFile *files, size_t n_files, const RuleOptions *options,
                        RuleDiagFn diag, void *userdata) {
        return load(ret, &(Sources){ .files = files, .n = n_files }, options, diag, userdata);
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
