/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"
#include "role/cmd/explain-show.h"

/* Before every member and element but the first of its object or list. */
static void comma(Buf *out) {
        char last = out->n ? out->p[out->n - 1] : '\n';

        if (last != '{' && last != '[' && last != ':' && last != '\n')
                buf_putc(out, ',');
}

static void put_text(Buf *out, Str s) {
        buf_putc(out, '"');
        escape_json(out, s);
        buf_putc(out, '"');
}

static void key(Buf *out, const char *name) {
        comma(out);
        buf_printf(out, "\"%s\":", name);
}

static void text(Buf *out, const char *name, Str s) {
        key(out, name);
        put_text(out, s);
}

static void truth(Buf *out, const char *name, bool holds) {
        key(out, name);
        buf_putz(out, holds ? "true" : "false");
}

static void texts(Buf *out, const char *name, const Str *v, size_t n) {
        key(out, name);
        buf_putc(out, '[');
        for (size_t i = 0; i < n; i++) {
                if (i)
                        buf_putc(out, ',');
                put_text(out, v[i]);
        }
        buf_putc(out, ']');
}

static void put_record(Buf *out, const Record *r, size_t number) {
        if (!r)
                return;
        text(out, "record", record_type_name(r));
        key(out, "number");
        buf_u64(out, number);
}

static void begin(Buf *out, const Event *event) {
        Buf id = BUF_INIT;

        event_id_format(&id, &event->id);
        buf_putc(out, '{');
        text(out, "event", buf_view(&id));
        out->failed |= id.failed;
        buf_done(&id);
}

static void on_event(Buf *out, const Event *event) {
        begin(out, event);
        truth(out, "late", event->late);
        key(out, "records");
        buf_putc(out, '[');
        for (const Record *r = event->records; r; r = r->next) {
                if (r != event->records)
                        buf_putc(out, ',');
                put_text(out, record_type_name(r));
        }
        buf_putz(out, "]}\n");
}

static void on_view(Buf *out, const Event *event, const ExplainView *v) {
        begin(out, event);
        text(out, "category", str_from(explain_view_name(v->view)));
        put_record(out, v->record, v->number);
        key(out, "fields");
        buf_putc(out, '{');
        for (size_t i = 0; i < _CATEGORY_N; i++)
                if (v->values.v[i].p)
                        text(out, category_names[i], v->values.v[i]);
        buf_putz(out, "}}\n");
}

static void put_item(Buf *out, const ExplainNode *item) {
        buf_putc(out, '{');
        truth(out, "holds", item->holds);
        text(out, "field", item->field);
        text(out, "modifier", item->modifier);
        texts(out, "wanted", item->wanted, item->n_wanted);
        texts(out, "values", item->values, item->n_values);
        if (item->n_others)
                texts(out, "other_values", item->others, item->n_others);
        if (item->from.n)
                text(out, "from", item->from);
        buf_putc(out, '}');
}

static void put_node(Buf *out, const ExplainNode *node) {
        static const char *const words[] = {
                [EXPLAIN_ALL] = "all", [EXPLAIN_ANY] = "any", [EXPLAIN_NOT] = "not"
        };

        if (node->kind == EXPLAIN_ITEM) {
                put_item(out, node);
                return;
        }
        buf_putc(out, '{');
        truth(out, "holds", node->holds);
        key(out, words[node->kind]);
        buf_putc(out, '[');
        for (size_t i = 0; i < node->n; i++) {
                if (i)
                        buf_putc(out, ',');
                put_node(out, node->v[i]);
        }
        buf_putz(out, "]}");
}

static void put_name(Buf *out, const ExplainName *name) {
        buf_putc(out, '{');
        text(out, "name", name->name);
        if (name->filter)
                text(out, "filter", name->filter->id);
        put_record(out, name->record, name->number);
        key(out, "test");
        put_node(out, name->node);
        buf_putc(out, '}');
}

static void put_count(Buf *out, const ExplainCount *c) {
        buf_putc(out, '{');
        text(out, "id", c->correlation->id);
        truth(out, "holds", c->fired);
        key(out, "group");
        buf_putc(out, '{');
        for (size_t i = 0; i < c->n; i++) {
                comma(out);
                put_text(out, c->group[i]);
                buf_putc(out, ':');
                if (c->value[i].p)
                        put_text(out, c->value[i]);
                else
                        buf_putz(out, "null");
        }
        buf_putz(out, "}}");
}

static void put_failed(Buf *out, const Explanation *e) {
        key(out, "failed");
        buf_putc(out, '{');
        text(out, "name", e->failed->name);
        if (e->failed->filter)
                text(out, "filter", e->failed->filter->id);
        key(out, "test");
        if (e->failed_item)
                put_item(out, e->failed_item);
        else
                buf_putz(out, "null");
        buf_putc(out, '}');
}

static void put_judged(Buf *out, const Explanation *e) {
        put_record(out, e->record, e->number);
        text(out, "condition", e->condition);
        if (e->failed)
                put_failed(out, e);
        key(out, "names");
        buf_putc(out, '[');
        for (size_t i = 0; i < e->n_names; i++) {
                if (i)
                        buf_putc(out, ',');
                put_name(out, &e->names[i]);
        }
        buf_putc(out, ']');
        if (!e->n_counts)
                return;
        key(out, "correlations");
        buf_putc(out, '[');
        for (size_t i = 0; i < e->n_counts; i++) {
                if (i)
                        buf_putc(out, ',');
                put_count(out, &e->counts[i]);
        }
        buf_putc(out, ']');
}

static void put_parts(Buf *out, const Explanation *e) {
        key(out, "counts");
        buf_putc(out, '[');
        for (size_t i = 0; i < e->n_parts; i++) {
                if (i)
                        buf_putc(out, ',');
                buf_putc(out, '{');
                text(out, "id", e->parts[i].rule->id);
                truth(out, "hit", e->parts[i].hit);
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
}

static void on_rule(Buf *out, const Event *event, const Explanation *e) {
        static const char *const verdicts[] = { [EXPLAIN_HIT] = "hit",
                                                [EXPLAIN_NO_HIT] = "no hit",
                                                [EXPLAIN_OTHER_TYPE] = "other records",
                                                [EXPLAIN_OTHER_CATEGORY] = "other category" };

        begin(out, event);
        text(out, "rule", e->rule->id);
        text(out, "title", e->rule->title);
        text(out, "verdict", str_from(verdicts[e->verdict]));
        truth(out, "silent", e->silent);
        if (e->view != VIEW_AUDIT)
                text(out, "category", str_from(explain_view_name(e->view)));
        if (e->correlation)
                put_parts(out, e);
        else if (e->verdict <= EXPLAIN_NO_HIT)
                put_judged(out, e);
        buf_putz(out, "}\n");
}

static void on_left(Buf *out, const Event *event, const ShowLeft *left) {
        begin(out, event);
        buf_printf(out,
                   ",\"left_out\":{\"other_records\":%llu,\"other_category\":%llu,\"correlations\":%llu,"
                   "\"views\":%llu}}\n",
                   (unsigned long long)left->types, (unsigned long long)left->categories,
                   (unsigned long long)left->correlations, (unsigned long long)left->views);
}

const ShowFormat show_json = { on_event, on_view, on_rule, on_left };
