/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alert/facts.h"
#include "alert/sentence.h"
#include "role/config/event-route.h"

#define KEY_MAX 256u /* AUDIT_MAX_KEY_LEN of the kernel */

static bool any(StrList wanted, Str have) {
        for (size_t i = 0; i < wanted.n; i++)
                if (str_eq(wanted.v[i], have))
                        return true;
        return false;
}

static bool any_type(StrList wanted, const Event *event) {
        for (const Record *r = event->records; r; r = r->next)
                if (any(wanted, record_type_name(r)))
                        return true;
        return false;
}

/* Several keys of one rule are one text with 0x01 between them (audit.rules(7)); that makes it hexadecimal. */
static bool any_of_keys(StrList wanted, const Field *f) {
        char raw[KEY_MAX];
        Str rest = f->value;

        if (!f->quoted && str_is_hex(rest))
                rest = (Str){ raw,
                              str_unhex(raw, (Str){ rest.p, rest.n < 2 * KEY_MAX ? rest.n : 2 * KEY_MAX }) };
        while (rest.n) {
                const char *sep = memchr(rest.p, 1, rest.n);
                Str key = { rest.p, sep ? (size_t)(sep - rest.p) : rest.n };

                if (any(wanted, key))
                        return true;
                rest = (Str){ rest.p + key.n + !!sep, rest.n - key.n - !!sep };
        }
        return false;
}

static bool any_key(StrList wanted, const Event *event, FieldVec *fields) {
        FieldNames names = { 0 };

        field_names_add(&names, STR("key"));
        for (const Record *r = event->records; r; r = r->next) {
                if (field_split_named(fields, r, &names) < 0)
                        continue;
                for (size_t i = 0; i < fields->n; i++)
                        if (fields->v[i].part == FIELD_KERNEL && str_eq(fields->v[i].name, STR("key")) &&
                            any_of_keys(wanted, &fields->v[i]))
                                return true;
        }
        return false;
}

void event_look_begin(EventLook *look, Meaning *meaning) {
        if (look->has_user)
                arena_reset(&look->scratch);
        look->has_user = false;
        look->meaning = meaning;
}

void event_look_done(EventLook *look) {
        field_vec_done(&look->fields);
        arena_done(&look->scratch);
}

static bool any_user(StrList wanted, const Event *event, EventLook *look) {
        Facts facts;

        if (!look->has_user)
                look->user = facts_gather(&facts, &look->scratch, look->meaning, event, NULL) == 0
                                     ? sentence_user(&facts)
                                     : STR("");
        look->has_user = true;
        return any(wanted, look->user);
}

/* What costs most is asked last. */
static bool matches(const EventMatch *m, const Event *event, EventLook *look) {
        return (!m->nodes.n || any(m->nodes, event->id.node)) && (!m->types.n || any_type(m->types, event)) &&
               (!m->keys.n || any_key(m->keys, event, &look->fields)) &&
               (!m->users.n || any_user(m->users, event, look));
}

bool event_route_matches(const EventRoute *route, const Event *event, EventLook *look) {
        if (!matches(&route->match, event, look))
                return false;
        for (size_t i = 0; i < route->n_not; i++)
                if (matches(&route->not [i], event, look))
                        return false;
        return true;
}
