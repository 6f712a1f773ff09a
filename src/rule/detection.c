/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Search identifiers: maps, lists and lists of maps. */
#include <errno.h>
#include <stdlib.h>
#include "rule/parse.h"

static int finish(Parse *p, const YamlNode *at, ExprKind kind, const Expr **v, size_t n, const Expr **ret) {
        return parse_expr(p, at, expr_list(p->ast, kind, v, n), ret);
}

static int parse_map(Parse *p, const YamlNode *map, const Expr **ret) {
        const Expr **v;
        int r = 0;

        if (!map->n)
                return parse_error(p, map, "an empty map asks nothing; write \"field: value\"");
        v = calloc(map->n, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < map->n && !r; i++)
                r = modifier_item(p, map->keys[i], map->v[i], &v[i]);
        r = r ? r : finish(p, map, EXPR_AND, v, map->n, ret);
        free(v);
        return r;
}

static int parse_entry(Parse *p, const YamlNode *n, const Expr **ret) {
        if (n->kind == YAML_MAP)
                return parse_map(p, n, ret);
        if (n->kind == YAML_LIST)
                return parse_error(p, n, "a list inside a list means nothing; write one list");
        return modifier_keywords(p, n, ret);
}

static int parse_list(Parse *p, const YamlNode *list, const Expr **ret) {
        const Expr **v;
        int r = 0;

        if (!list->n)
                return parse_error(p, list, "an empty list can never match; write a value");
        v = calloc(list->n, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < list->n && !r; i++)
                r = parse_entry(p, list->v[i], &v[i]);
        r = r ? r : finish(p, list, EXPR_OR, v, list->n, ret);
        free(v);
        return r;
}

static int parse_name(Parse *p, const YamlNode *key, const YamlNode *value, SearchName *ret) {
        const Expr *e = NULL;
        int r;

        if (value->kind == YAML_NULL)
                return parse_error(p, value,
                                   "the search identifier \"%.*s\" is empty; write what to look for",
                                   PARSE_ARG(key->text));
        r = value->kind == YAML_LIST ? parse_list(p, value, &e) : parse_entry(p, value, &e);
        if (r)
                return r;
        advice_fields(p, value);
        *ret = (SearchName){ .node = key,
                             .name = key->text,
                             .expr = expr_name(p->ast, key->text, p->filter, e) };
        return ret->expr ? 0 : parse_error(p, value, "this is too large; split it into several rules");
}

static bool listed(Str s, const char *const *names) {
        for (; *names; names++)
                if (str_eqz(s, *names))
                        return true;
        return false;
}

static int parse_names(Parse *p, const YamlNode *map, const char *const *not_names, SearchNames *names) {
        int bad = 0;

        for (size_t i = 0; i < map->n; i++) {
                int r;

                if (listed(map->keys[i]->text, not_names))
                        continue;
                r = parse_name(p, map->keys[i], map->v[i], &names->v[names->n]);
                if (r < 0)
                        return r;
                names->n += !r;
                bad |= r;
        }
        return bad ? PARSE_E_BAD : 0;
}

static void warn_unused(Parse *p, const SearchNames *names) {
        for (size_t i = 0; i < names->n; i++)
                if (!names->v[i].used && names->v[i].name.n && *names->v[i].name.p != '_')
                        parse_warn(p, names->v[i].node,
                                   "the condition never uses \"%.*s\"; name it there, or remove it",
                                   PARSE_ARG(names->v[i].name));
}

/* The key that was meant, or the whole map. */
static int no_condition(Parse *p, const YamlNode *map) {
        const YamlNode *at = map;

        for (size_t i = 0; i < map->n; i++) {
                Nearest near = parse_nearest(p, map->keys[i]->text);

                nearest_try(&near, STR("condition"));
                if (near.best.n)
                        at = map->keys[i];
        }
        return parse_error(p, at, "there is no condition; write \"condition: selection\"");
}

int detection_parse(Parse *p, const YamlNode *map, const char *const *not_names, const Expr **ret) {
        const YamlNode *condition = yaml_get(map, "condition");
        SearchNames names = { 0 };
        int r;

        if (map->kind != YAML_MAP)
                return parse_error(p, map,
                                   "this must be a map of search identifiers with a condition; write it so");
        if (!condition)
                return no_condition(p, map);
        names.v = calloc(map->n, sizeof(*names.v));
        if (!names.v)
                return -ENOMEM;
        r = parse_names(p, map, not_names, &names);
        if (!r)
                r = condition_parse(p, condition, &names, ret);
        if (!r)
                r = advice_condition(p, condition, &names, *ret);
        if (!r)
                warn_unused(p, &names);
        free(names.v);
        return r;
}
