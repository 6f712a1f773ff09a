/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/args.h"
#include "role/role.h"

static const ArgsOption *find_option(const ArgsOption *options, size_t n, Str name) {
        for (size_t i = 0; i < n; i++)
                if (str_eqz(name, options[i].name))
                        return &options[i];
        return NULL;
}

static int store(const char *command, const ArgsOption *o, const char *value) {
        if (!o->n_values) {
                *o->value = value;
                return 0;
        }
        if (*o->n_values == o->max_values)
                return role_usage(command, "--%s given more than %zu times", o->name, o->max_values);
        o->value[(*o->n_values)++] = value;
        return 0;
}

/* @i: of the option; moved on when the value is the word after it. */
static int take(int argc, char **argv, int *i, const ArgsOption *options, size_t n_options) {
        const char *word = argv[*i] + 2, *equals = strchr(word, '=');
        Str name = { word, equals ? (size_t)(equals - word) : strlen(word) };
        const ArgsOption *o = find_option(options, n_options, name);

        if (!o)
                return role_usage(argv[0], "unknown option --" STR_FMT, STR_ARG(name));
        if (o->flag) {
                if (equals)
                        return role_usage(argv[0], "--%s takes no value", o->name);
                *o->flag = true;
                return 0;
        }
        if (equals)
                return store(argv[0], o, equals + 1);
        if (*i + 1 == argc)
                return role_usage(argv[0], "--%s needs a value", o->name);
        return store(argv[0], o, argv[++*i]);
}

int args_parse(int argc, char **argv, const ArgsOption *options, size_t n_options, size_t *ret_n) {
        bool over = false;
        int kept = 1;

        for (int i = 1; i < argc; i++) {
                const char *word = argv[i];
                int r;

                if (over || word[0] != '-' || !word[1]) {
                        argv[kept++] = argv[i];
                } else if (!strcmp(word, "--")) {
                        over = true;
                } else if (word[1] != '-') {
                        return role_usage(argv[0], "unknown option %s", word);
                } else {
                        r = take(argc, argv, &i, options, n_options);
                        if (r)
                                return r;
                }
        }
        *ret_n = (size_t)kept - 1;
        return 0;
}

bool args_size(const char *text, size_t *ret) {
        Str digits = str_from(text);
        uint64_t n, unit = 1;

        if (digits.n && (digits.p[digits.n - 1] == 'K' || digits.p[digits.n - 1] == 'M')) {
                unit = digits.p[digits.n - 1] == 'K' ? 1u << 10 : 1u << 20;
                digits.n--;
        }
        if (!str_u64(digits, 10, &n) || !n || n > (SIZE_MAX >> 1) / unit)
                return false;
        *ret = (size_t)(n * unit);
        return true;
}
