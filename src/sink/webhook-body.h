/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a webhook sends about an alert: its JSON, what a known service wants, or a template of the user's. */
#include "alert/alert.h"

typedef enum {
        WEBHOOK_GENERIC, /* the alert's JSON, records included */
        WEBHOOK_SLACK,  /* {"text": …}, as incoming webhooks of Slack, Mattermost and Rocket.Chat take it */
        WEBHOOK_MATRIX, /* an m.room.message event */
        WEBHOOK_NTFY,   /* a message as JSON, for the root of the server */
        _WEBHOOK_PRESET_N,
} WebhookPreset;

#define WEBHOOK_NTFY_MAX 3900u /* bytes of a message: ntfy makes an attachment of what is longer than 4096 */

/* @host: this machine, where the alert has no node. @topic: of ntfy. */
void webhook_body(Buf *out, WebhookPreset preset, const Alert *a, Str host, Str topic);

/* {name} in @template, of small letters, becomes the alert's value of that name; other braces stay. @json: values are
 * made for the inside of a JSON string; else they are inert. */
void webhook_template(Buf *out, Str template, const Alert *a, Str host, bool json);

/* False: no alert has a value of that name. */
bool webhook_template_check(Str template, Str *ret_unknown);
