/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the program says about itself: one line a message, "aulert: …", to stderr.
 *
 * Where stderr leads nowhere (auditd gives its plugins /dev/null) messages go to the journal instead, or to syslog
 * where there is no journal. Only role/ and main.c call these. Control bytes in a message are made visible, so that text
 * from a log cannot drive a terminal. */
#include <stdarg.h>

/* Priorities are syslog's. */
enum { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6 };

void log_open(const char *name); /* decides where messages go; call once, first */
/* Messages that would go to the journal go to @fn instead (NULL: no more): a process that cannot reach it. @text is inert. */
void log_to(void (*fn)(int level, const char *text));
const char *log_name(void); /* of log_open() */
void log_msg(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_msg(LOG_LEVEL_NOTICE, __VA_ARGS__)
