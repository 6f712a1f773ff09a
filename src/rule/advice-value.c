/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What fields hold whose meaning is known: values that they never have. Certain for records of the kernel; programs write these fields
 * in the same way. */
#include <ctype.h>
#include "rule/advice.h"
#include "rule/known.h"
#include "rule/placeholder.h"

#define MAX_VALUES 32 /* of an item, that are looked at */

static bool is_hex(Str s) {
        uint64_t n;

        return str_u64(s, 16, &n);
}

static bool is_truth(Str s) { return str_ieq(s, STR("true")) || str_ieq(s, STR("false")); }

/* The same name in the other case. */
static void in_case(Str s, int (*to)(int), char ret[16]) {
        size_t i;

        for (i = 0; i < s.n && i < 15; i++)
                ret[i] = (char)to((unsigned char)s.p[i]);
        ret[i] = '\0';
}

static void check_id(Parse *p, Str field, const YamlNode *value) {
        char name[16];

        in_case(field, toupper, name);
        if (str_ieq(value->text, STR("unset")) || str_eqz(value->text, "-1"))
                parse_warn(p, value, "this is logged as a number; write \"%.*s: 4294967295\"",
                           STR_ARG(field));
        else if (!advice_is_number(value->text))
                parse_warn(
                        p, value,
                        "%.*s is a number; write it, or \"%s: %.*s\" for the name, which ENRICHED logs have",
                        STR_ARG(field), name, PARSE_ARG(value->text));
}

static void check_id_name(Parse *p, Str field, const YamlNode *value) {
        char number[16];

        in_case(field, tolower, number);
        if (advice_is_number(value->text))
                parse_warn(p, value, "%.*s is a name; write \"%s: %.*s\" for its number", STR_ARG(field),
                           number, PARSE_ARG(value->text));
}

static void check_success(Parse *p, Str field, const YamlNode *value) {
        if (is_truth(value->text))
                parse_warn(p, value, "%.*s is yes or no; write %s", STR_ARG(field),
                           str_ieq(value->text, STR("true")) ? "yes" : "no");
}

static void check_exit(Parse *p, Str field, const YamlNode *value) {
        bool minus = *value->text.p == '-';

        if (!advice_is_number((Str){ value->text.p + minus, value->text.n - minus }))
                parse_warn(p, value, "%.*s is a number; write the one that is logged, as -13 for EACCES",
                           STR_ARG(field));
}

static void check_arch(Parse *p, Str field, const YamlNode *value) {
        if (value->text.n < 8 || !is_hex(value->text))
                parse_warn(p, value,
                           "%.*s is a number in hexadecimal; write it, as c000003e, or \"ARCH: x86_64\" for "
                           "the name",
                           STR_ARG(field));
}

/* The arguments of a system call; those of EXECVE records are texts. */
static void check_argument(Parse *p, Str field, const YamlNode *value) {
        Str digits =
                str_starts(value->text, STR("0x")) ? (Str){ value->text.p + 2, value->text.n - 2 } : STR("");

        if (is_hex(digits))
                parse_warn(p, value, "%.*s is hexadecimal without 0x; write %.*s", STR_ARG(field),
                           PARSE_ARG(digits));
}

static const struct {
        const char *fields; /* with blanks between */
        const char *type;   /* only where this is asked for */
        void (*check)(Parse *p, Str field, const YamlNode *value);
} checks[] = {
        { "auid uid gid euid suid fsuid egid sgid fsgid ouid ogid oauid", NULL, check_id },
        { "AUID UID GID EUID SUID FSUID EGID SGID FSGID OUID OGID OAUID", NULL, check_id_name },
        { "success", NULL, check_success },
        { "exit", NULL, check_exit },
        { "arch", NULL, check_arch },
        { "a0 a1 a2 a3", "SYSCALL", check_argument },
};

static void check_placeholder(Parse *p, const YamlNode *key, const YamlNode *value) {
        if (yaml_is_scalar(value) && placeholder_is(value->text))
                parse_warn(p, value,
                           "a placeholder is a plain text without its modifier; write \"%.*s|expand\"",
                           PARSE_ARG(key->text));
}

static bool applies(size_t check, const YamlNode *map, const YamlNode *key) {
        const char *wanted = checks[check].type;
        const YamlNode *type = wanted ? yaml_get(map, "type") : NULL;

        return known_list_holds(checks[check].fields, key->text) &&
               (!wanted || (type && yaml_is_scalar(type) && str_ieq(type->text, str_from(wanted))));
}

void advice_value(Parse *p, const YamlNode *map, size_t at) {
        const YamlNode *key = map->keys[at], *value = map->v[at];
        bool expand = key->text.n && memmem(key->text.p, key->text.n, "|expand", 7);

        for (size_t i = 0; !expand && i < yaml_count(value) && i < MAX_VALUES; i++)
                check_placeholder(p, key, yaml_item(value, i));
        for (size_t k = 0; k < ARRAY_SIZE(checks); k++) {
                size_t n = applies(k, map, key) ? yaml_count(value) : 0;

                for (size_t i = 0; i < n && i < MAX_VALUES; i++) {
                        const YamlNode *item = yaml_item(value, i);

                        if (item->kind != YAML_NULL && advice_is_literal(item))
                                checks[k].check(p, key->text, item);
                }
        }
}
