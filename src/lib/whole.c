/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an event says as a whole: the facts and the sentence that alerts are made of. */
#include <errno.h>
#include "alert/sentence.h"
#include "base/escape.h"
#include "lib/feed.h"

static int gather(AulertEvent *e) {
        int r = lib_event_meaning(e);

        if (r || e->gathered)
                return r;
        e->begun = false;
        r = facts_gather(&e->facts, &e->arena, e->meaning, e->event, NULL);
        if (r) {
                arena_reset(&e->arena);
                return e->error = r;
        }
        e->gathered = true;
        return 0;
}

static Str first_of(const Facts *f, const FactName *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (f->v[names[i]].n)
                        return f->v[names[i]];
        return STR("");
}

static Str action(const Facts *f) {
        static const FactName names[] = { FACT_SYSCALL, FACT_OP };
        const char *type = record_type_to_name(f->type);
        Str found = first_of(f, names, ARRAY_SIZE(names));

        return found.n ? found : str_from(type ? type : "");
}

static Str object(const Facts *f) {
        static const FactName names[] = { FACT_CMD,    FACT_GROUP,  FACT_PATH,  FACT_UNIT, FACT_PEER,
                                          FACT_TARGET, FACT_MODULE, FACT_TABLE, FACT_DEV };
        Str account = sentence_account_meant(f);

        return account.n ? account : first_of(f, names, ARRAY_SIZE(names));
}

static int give(AulertEvent *e, Str (*of)(const Facts *), AulertText *ret) {
        int r = gather(e);

        if (r == 0)
                *ret = lib_text(of(&e->facts));
        return r;
}

PUBLIC int aulert_event_actor(AulertEvent *e, AulertText *ret) { return give(e, sentence_user, ret); }
PUBLIC int aulert_event_action(AulertEvent *e, AulertText *ret) { return give(e, action, ret); }
PUBLIC int aulert_event_object(AulertEvent *e, AulertText *ret) { return give(e, object, ret); }
PUBLIC int aulert_event_origin(AulertEvent *e, AulertText *ret) { return give(e, sentence_addr, ret); }

PUBLIC int aulert_event_result(AulertEvent *e, AulertResult *ret) {
        static const AulertResult results[] = { [FACTS_UNKNOWN] = AULERT_RESULT_UNKNOWN,
                                                [FACTS_SUCCESS] = AULERT_RESULT_SUCCESS,
                                                [FACTS_FAILED] = AULERT_RESULT_FAILED };
        int r = gather(e);

        if (r == 0)
                *ret = results[e->facts.result];
        return r;
}

PUBLIC int aulert_event_has_key(AulertEvent *e, const char *key) {
        int r = gather(e);

        for (size_t i = 0; r == 0 && i < e->facts.n_keys; i++)
                if (str_eqz(e->facts.keys[i], key))
                        return 1;
        return r;
}

/* The buffer with a NUL behind it, or what an empty one is after a failure. */
static int finish(AulertEvent *e, Buf *b, AulertText *ret) {
        const char *z = buf_z(b);

        if (!z) {
                buf_done(b);
                return e->error = -ENOMEM;
        }
        *ret = (AulertText){ z, b->n };
        return 0;
}

PUBLIC int aulert_event_escape(AulertEvent *e, AulertText text, AulertEscape where, AulertText *ret) {
        Str s = { text.data, text.size };

        buf_clear(&e->shown);
        if (where == AULERT_ESCAPE_TERMINAL)
                escape_terminal(&e->shown, s);
        else if (where == AULERT_ESCAPE_MARKUP)
                escape_markup(&e->shown, s);
        else if (where == AULERT_ESCAPE_JSON)
                escape_json(&e->shown, s);
        else
                return -EINVAL;
        return finish(e, &e->shown, ret);
}

PUBLIC int aulert_event_sentence(AulertEvent *e, AulertText *ret) {
        Buf raw = BUF_INIT;
        int r = gather(e);

        if (r)
                return r;
        if (!e->sentence.n) {
                sentence_write(&raw, &e->facts, action(&e->facts));
                escape_terminal(&e->sentence, buf_view(&raw));
                if (raw.failed)
                        e->sentence.failed = true;
                buf_done(&raw);
        }
        return finish(e, &e->sentence, ret);
}
