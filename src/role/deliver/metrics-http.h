/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Metrics over HTTP, in deliver: the supervisor brings the text, and never meets a request.
 *
 * On loopback only (config-status.c). GET /metrics, one answer a connection. At most HTTP_CLIENTS at a time, the others wait in
 * the kernel; a request has at most HTTP_REQUEST bytes, and all of a connection must be over in HTTP_MS. */
#include <systemd/sd-event.h>
#include "role/config/config.h"

#define HTTP_CLIENTS 8u
#define HTTP_REQUEST 8192u
#define HTTP_MS      5000u
/* A port that another has is tried again so often. */
#define HTTP_AGAIN_MS 1000u

typedef struct MetricsHttp MetricsHttp;

/* Listens as configured from now on, or no more; what fails is logged. @h: NULL at first. Returns what takes its place. */
MetricsHttp *metrics_http_use(MetricsHttp *h, sd_event *loop, const ConfigMetrics *config);
MetricsHttp *metrics_http_free(MetricsHttp *h); /* takes NULL, returns NULL */
/* What is told from now on; copied. */
void metrics_http_text(MetricsHttp *h, Str text);
