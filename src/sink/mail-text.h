/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a mail about an alert says. Everything in it is inert UTF-8 (escape_terminal()), lines end with CRLF. */
#include <time.h>
#include "alert/alert.h"

#define MAIL_SUBJECT_MAX 400u /* bytes of text in a subject; longer ones end with an ellipsis */

/* "PREFIX LEVEL: SENTENCE", folded: in lines of at most 76 characters with the word "Subject: " before it. Plain
 * where ASCII will do, else encoded words (RFC 2047). @prefix: one line (check_is_line()); "": none. */
void mail_subject(Buf *out, Str prefix, const Alert *a);

/* Any inert text as the value of that header. */
void mail_header_text(Buf *out, Str text);

/* RFC 5322, 3.3. */
void mail_date(Buf *out, time_t when);

/* @host: this machine, where the alert has no node. */
void mail_text(Buf *out, const Alert *a, Str host);
