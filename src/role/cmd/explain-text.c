/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"
#include "role/cmd/explain-show.h"

#define MAX_TEXT   160u /* bytes of one value that are shown */
#define MAX_VALUES 6u
#define MAX_TYPES  24u

static void put_id(Buf *out, const RecordId *id) {
        Buf b = BUF_INIT;

        event_id_format(&b, id);
        escape_terminal(out, buf_view(&b));
        out->failed |= b.failed;
        buf_done(&b);
}

static void put_value(Buf *out, Str s, bool bare) {
        Str shown = { s.p, s.n > MAX_TEXT ? MAX_TEXT : s.n };

        if (!bare)
                buf_putc(out, '"');
        escape_terminal(out, shown);
        if (!bare)
                buf_putc(out, '"');
        if (shown.n < s.n)
                buf_printf(out, "… (%zu bytes)", s.n);
}

static void put_values(Buf *out, const Str *v, size_t n, bool bare) {
        for (size_t i = 0; i < n && i < MAX_VALUES; i++) {
                if (i)
                        buf_putz(out, ", ");
                put_value(out, v[i], bare);
        }
        if (n > MAX_VALUES)
                buf_printf(out, " and %zu more", n - MAX_VALUES);
}

static void put_record(Buf *out, const Event *event, const Record *r, size_t number) {
        if (!r) {
                buf_putz(out, "the event");
                return;
        }
        escape_terminal(out, record_type_name(r));
        if (event->n_records > 1)
                buf_printf(out, ", record %zu of %u", number, event->n_records);
}

static void on_event(Buf *out, const Event *event) {
        size_t n = 0;

        buf_putz(out, "event ");
        put_id(out, &event->id);
        buf_printf(out, "%s: %u record%s:", event->late ? " (a late part)" : "", event->n_records,
                   event->n_records == 1 ? "" : "s");
        for (const Record *r = event->records; r && n < MAX_TYPES; r = r->next, n++) {
                buf_putc(out, ' ');
                escape_terminal(out, record_type_name(r));
        }
        buf_putz(out, event->n_records > MAX_TYPES ? " …\n" : "\n");
}

static void on_view(Buf *out, const Event *event, const ExplainView *v) {
        buf_printf(out, "%s", explain_view_name(v->view));
        if (v->record) {
                buf_putz(out, " (");
                put_record(out, event, v->record, v->number);
                buf_putc(out, ')');
        }
        buf_putz(out, ":\n");
        for (size_t i = 0; i < _CATEGORY_N; i++) {
                bool parent = i == CATEGORY_PARENT_IMAGE || i == CATEGORY_PARENT_COMMAND_LINE;

                if (!v->values.v[i].p && !(parent && v->parents))
                        continue;
                buf_printf(out, "  %s ", category_names[i]);
                if (v->values.v[i].p)
                        put_value(out, v->values.v[i], false);
                else
                        buf_putz(out, "is not known: no event before this one shows it");
                buf_putc(out, '\n');
        }
}

/* Of a name that a filter brought along. */
static void put_filter(Buf *out, const ExplainName *name) {
        if (!name->filter)
                return;
        buf_putz(out, " [filter ");
        escape_terminal(out, name->filter->id);
        buf_putc(out, ']');
}

/* ---- tests ---- */

static void put_wanted(Buf *out, const ExplainNode *item) {
        bool one = item->decided < item->n_wanted && item->n_wanted > 1;

        if (!one) {
                put_values(out, item->wanted, item->n_wanted, item->bare);
                return;
        }
        put_value(out, item->wanted[item->decided], item->bare);
        buf_printf(out, " (%s %zu)", item->every ? "the first that fails of" : "one of", item->n_wanted);
}

static void put_item(Buf *out, const ExplainNode *item) {
        if (item->field.n)
                escape_terminal(out, item->field);
        else
                buf_putz(out, "keywords");
        if (item->modifier.n) {
                buf_putc(out, '|');
                buf_str(out, item->modifier);
        }
        buf_putz(out, ": ");
        put_wanted(out, item);
}

static void put_found(Buf *out, const ExplainNode *item) {
        if (!item->n_values) {
                buf_putz(out, "it is absent");
                return;
        }
        buf_putz(out, item->field.n ? "it is " : "the text is ");
        put_values(out, item->values, item->n_values, false);
        if (item->from.n) {
                buf_putz(out, " (from ");
                escape_terminal(out, item->from);
                buf_putc(out, ')');
        }
        if (item->n_others) {
                buf_putz(out, ", the other ");
                put_values(out, item->others, item->n_others, false);
        }
}

static void put_line(Buf *out, unsigned depth, bool holds) {
        buf_printf(out, "%*s%s", (int)(2 + 2 * depth), "", holds ? "yes " : "no  ");
}

static void put_node(Buf *out, const ExplainNode *node, unsigned depth) {
        static const char *const words[] = {
                [EXPLAIN_ALL] = "all of", [EXPLAIN_ANY] = "one of", [EXPLAIN_NOT] = "not"
        };

        put_line(out, depth, node->holds);
        if (node->kind == EXPLAIN_ITEM) {
                put_item(out, node);
                buf_putz(out, "; ");
                put_found(out, node);
                buf_putc(out, '\n');
                return;
        }
        buf_printf(out, "%s\n", words[node->kind]);
        for (size_t i = 0; i < node->n; i++)
                put_node(out, node->v[i], depth + 1);
}

/* The first level of "all of" is what a search identifier means anyway. */
static void put_name(Buf *out, const Event *event, const ExplainName *name, bool own_record) {
        put_line(out, 0, name->node->holds);
        escape_terminal(out, name->name);
        put_filter(out, name);
        if (own_record && name->record) {
                buf_putz(out, " (");
                put_record(out, event, name->record, name->number);
                buf_putc(out, ')');
        }
        buf_putc(out, '\n');
        if (name->node->kind != EXPLAIN_ALL) {
                put_node(out, name->node, 1);
                return;
        }
        for (size_t i = 0; i < name->node->n; i++)
                put_node(out, name->node->v[i], 1);
}

/* ---- rules ---- */

static void put_head(Buf *out, const Explanation *e) {
        static const char *const words[] = { [EXPLAIN_HIT] = "HIT",
                                             [EXPLAIN_NO_HIT] = "NO HIT",
                                             [EXPLAIN_OTHER_TYPE] = "NO HIT",
                                             [EXPLAIN_OTHER_CATEGORY] = "NO HIT" };

        buf_printf(out, "\n%s %s", words[e->verdict], e->correlation ? "correlation " : "");
        escape_terminal(out, e->rule->title);
        buf_putz(out, " (");
        escape_terminal(out, e->rule->id);
        buf_putz(out, ") ");
        escape_terminal(out, e->rule->file);
        buf_printf(out, ":%u\n", e->rule->line);
        if (e->silent)
                buf_putz(out, "  gives no hits of its own, as a correlation counts it\n");
}

static void put_failed(Buf *out, const Explanation *e) {
        if (!e->failed)
                return;
        if (e->failed->filter) {
                buf_putz(out, "  excluded by the filter ");
                escape_terminal(out, e->failed->filter->title);
                buf_putz(out, " (");
                escape_terminal(out, e->failed->filter->id);
                buf_putz(out, ") ");
                escape_terminal(out, e->failed->filter->file);
                buf_printf(out, ":%u\n", e->failed->filter->line);
        }
        buf_putz(out, "  first failed: ");
        escape_terminal(out, e->failed->name);
        put_filter(out, e->failed);
        if (!e->failed_item) {
                buf_putz(out, " holds, and the condition wants it not to\n");
                return;
        }
        buf_putz(out, ": ");
        put_item(out, e->failed_item);
        buf_putz(out, "; ");
        put_found(out, e->failed_item);
        buf_putc(out, '\n');
}

static void put_count(Buf *out, const ExplainCount *c) {
        const Str *absent = NULL;

        buf_putz(out, "  counted by correlation ");
        escape_terminal(out, c->correlation->title);
        buf_putz(out, " (");
        escape_terminal(out, c->correlation->id);
        buf_putz(out, ")");
        for (size_t i = 0; i < c->n; i++) {
                buf_putz(out, i ? ", " : ", group ");
                escape_terminal(out, c->group[i]);
                buf_putc(out, ' ');
                if (c->value[i].p)
                        put_value(out, c->value[i], false);
                else
                        buf_putz(out, "absent");
                if (!c->value[i].p && !absent)
                        absent = &c->group[i];
        }
        if (absent) {
                buf_putz(out, ": left out, as the event has no ");
                escape_terminal(out, *absent);
        } else
                buf_putz(out, c->fired ? ": its condition holds here" : ": its condition does not hold here");
        buf_putc(out, '\n');
}

static void put_parts(Buf *out, const Explanation *e) {
        for (size_t i = 0; i < e->n_parts; i++) {
                put_line(out, 0, e->parts[i].hit);
                escape_terminal(out, e->parts[i].rule->title);
                buf_putz(out, " (");
                escape_terminal(out, e->parts[i].rule->id);
                buf_putz(out, ")\n");
        }
}

static void put_judged(Buf *out, const Event *event, const Explanation *e) {
        bool own = e->view == VIEW_AUDIT && !e->record;

        if (e->verdict == EXPLAIN_NO_HIT)
                put_failed(out, e);
        if (!own) {
                buf_putz(out, e->verdict == EXPLAIN_HIT ? "  by " : "  closest: ");
                if (e->view != VIEW_AUDIT)
                        buf_printf(out, "%s, ", explain_view_name(e->view));
                put_record(out, event, e->record, e->number);
                buf_putc(out, '\n');
        }
        buf_putz(out, "  condition: ");
        escape_terminal(out, e->condition);
        buf_putc(out, '\n');
        for (size_t i = 0; i < e->n_names; i++)
                put_name(out, event, &e->names[i], own);
        for (size_t i = 0; i < e->n_counts; i++)
                put_count(out, &e->counts[i]);
}

static void put_other_category(Buf *out, ViewKind view) {
        static const char *const wanted[_VIEW_N] = {
                [VIEW_PROCESS] = "execve or execveat with success=yes",
                [VIEW_NETWORK] =
                        "connect with success=yes or exit=-115, or accept with success=yes, and an IPv4 "
                        "or IPv6 address",
                [VIEW_FILE] = "a PATH record with nametype=CREATE that is no directory, and success=yes",
        };

        buf_printf(out, "  the event is no %s: %s\n", explain_view_name(view), wanted[view]);
}

static void on_rule(Buf *out, const Event *event, const Explanation *e) {
        put_head(out, e);
        if (e->correlation)
                put_parts(out, e);
        else if (e->verdict == EXPLAIN_OTHER_TYPE)
                buf_putz(out, "  it asks for types of records that the event does not have\n");
        else if (e->verdict == EXPLAIN_OTHER_CATEGORY)
                put_other_category(out, e->view);
        else
                put_judged(out, event, e);
}

static void on_left(Buf *out, const Event *event, const ShowLeft *left) {
        if (left->views)
                buf_printf(out, "\nand %llu more of what rules of categories see (--all lists it)\n",
                           (unsigned long long)left->views);
        if (!left->types && !left->categories && !left->correlations)
                return;
        buf_printf(out,
                   "\nNO HIT %llu more: %llu for other types of records, %llu for other categories, %llu "
                   "correlations of rules that did not hit (--all lists them)\n",
                   (unsigned long long)(left->types + left->categories + left->correlations),
                   (unsigned long long)left->types, (unsigned long long)left->categories,
                   (unsigned long long)left->correlations);
}

const ShowFormat show_text = { on_event, on_view, on_rule, on_left };
