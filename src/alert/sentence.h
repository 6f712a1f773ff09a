/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Says in one sentence who did what, from where, with what result.
 *
 * A table of templates by record type, program, op and result (sentence-rows.c); a new kind of event is one row.
 * Whatever an outsider can choose and that is no plain name is put in double quotes, so that it cannot pass
 * for words of ours; control bytes and markup are the sinks' affair. */
#include "alert/facts.h"

/* Appends the sentence. @title: of the rule, for events that no row knows. */
void sentence_write(Buf *out, const Facts *f, Str title);

/* A record of this type tells what happened (SYSCALL and its company tell how). */
bool sentence_knows(int32_t type);

/* Who did it, or tried to: "" where nobody is known. */
Str sentence_user(const Facts *f);

/* Whose account it is about: "" where the event does not say. */
Str sentence_account(const Facts *f);

/* The same, but not who did it where no other account is named. */
Str sentence_account_meant(const Facts *f);

/* From where: "" where that is not known. */
Str sentence_addr(const Facts *f);

/* Who is behind it: the user who logged in (auid), else the user of the process. "" where nobody is known. */
Str sentence_actor(const Facts *f);

/* The user that the process runs as, where that is another than sentence_actor(). */
Str sentence_as(const Facts *f);

/* What was done, as the record names it: the system call, or op=. What it means in fixed words: kind.h. */
Str sentence_operation(const Facts *f);

/* To what, and "success", "failed" or "". "" where the event does not say. */
Str sentence_object(const Facts *f);
Str sentence_result(const Facts *f);

/* The event is a login, and who it was is in no field of it. */
bool sentence_lacks_name(const Facts *f);
