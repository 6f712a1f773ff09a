/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An Alert as bytes: what crosses from one process to another, and what the spool stores.
 *
 * Little-endian, in this order: version (1 byte), kind, level, flags (bit 0: truncated), sec (8 bytes), ms
 * (4), n_folded (4); texts, each a length (2 bytes) and its bytes; lists, each a count (1 byte) and its
 * texts. There is one form only for an alert, and nothing may follow it. What comes out has the same JSON
 * and text as what went in; Alert.facts is empty. */
#include "alert/alert.h"

#define ALERT_PACK_MAX 65536

enum { _ALERT_E_SUCCESS, ALERT_E_BAD };

/* Appends the bytes, at most ALERT_PACK_MAX. 0 or -ENOMEM. */
int alert_pack(Buf *out, const Alert *a);

/* @bytes may be anything. 0, -ENOMEM, ALERT_E_BAD: they are no packed alert. Takes at most some hundred
 * bytes more memory than @bytes, which are not needed afterwards. One reference. */
int alert_unpack(Alert **ret, Str bytes);
