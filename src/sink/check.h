/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What values of options must look like (SinkOption.check), and files that hold a secret.
 *
 * What reaches a header of a mail or of a request must not be able to end it: control characters are refused
 * here, once, when the configuration is read. */
#include "base/buf.h"
#include "sink/sink.h"

#define CHECK_SECRET_MAX 4096u
#define CHECK_TIMEOUT_MS (10u * 60u * 1000u) /* the longest */

/* No control characters, no bad UTF-8; at most 998 bytes, the longest line of a mail (RFC 5322, 2.1.1). */
bool check_is_line(Str s);

const char *check_line(const SinkSetting *setting);
/* user or user@host, one or more: what stands between < and > in SMTP, without quotes (RFC 5321, 4.1.2:
 * Dot-string), so that nothing in it needs any. */
const char *check_addresses(const SinkSetting *setting);
const char *check_smtp_url(const SinkSetting *setting);
const char *check_http_url(const SinkSetting *setting);
const char *check_headers(const SinkSetting *setting); /* a map of header names and their values */
const char *check_timeout(const SinkSetting *setting); /* 1 ms to CHECK_TIMEOUT_MS */

/* Reads one line from a file that only its owner, and our own group, may read: 0, or -errno with the reason in *ret_why, in words
 * that follow the path. */
int check_read_secret(Buf *out, const char *path, const char **ret_why);
