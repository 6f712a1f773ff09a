/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An alert as a message for syslog, inert: one line, printable, valid UTF-8.
 *
 * RFC 5424 with structured data, or what syslog(3) writes and the readers of /dev/log expect. Below
 * SYSLOG_MESSAGE_MAX bytes, which common servers take whole; what does not fit of the structured data is left out and the
 * data marked truncated="true". */
#include "alert/alert.h"

#define SYSLOG_MESSAGE_MAX 8000u

typedef struct {
        unsigned facility; /* 0 … 23 */
        Str app_name;      /* of PRINTUSASCII, at most 48 */
        Str sd_id;         /* SD-NAME, at most 32 */
        Str host;          /* for alerts without a node; anything */
        int pid;
        bool local; /* the format of syslog(3) */
} SyslogFormat;

/* Without a frame. */
void syslog_format(Buf *out, const SyslogFormat *f, const Alert *a);

/* RFC 5424, 6: PRINTUSASCII, or that without = ] and ". */
bool syslog_is_name(Str s, size_t max);
bool syslog_is_sd_name(Str s);
