/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The webhook sink: one request of HTTP an alert. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include "base/sha256.h"
#include "sink/check.h"
#include "sink/transfer.h"
#include "sink/webhook-body.h"

#define WEBHOOK_AT_ONCE    4u
#define WEBHOOK_ANSWER_MAX (64u << 10) /* bytes of an answer: then the connection is closed */
#define WEBHOOK_AFTER_S    3600        /* the longest Retry-After that counts */
#define WEBHOOK_LINE       200u        /* of an answer that is told */

typedef struct {
        const char *path; /* NULL: none is needed */
        Buf text;         /* what it holds; empty: not read yet */
} Secret;

typedef struct {
        Transfers *transfers;
        const SinkSetting *headers; /* NULL: none */
        Str url, template;
        WebhookPreset preset;
        bool json; /* what is sent */
        Str topic;
        Secret secret, token;
        char host[256];
        size_t n_answer[WEBHOOK_AT_ONCE];
} Webhook;

static const char *const preset_words[_WEBHOOK_PRESET_N + 1] = { "generic", "slack", "matrix", "ntfy", NULL };

static WebhookPreset preset_of(const SinkConf *conf) {
        Str word = sink_conf_text(conf, "preset", STR("generic"));

        for (WebhookPreset p = 0; p < _WEBHOOK_PRESET_N; p++)
                if (str_eqz(word, preset_words[p]))
                        return p;
        return WEBHOOK_GENERIC;
}

/* NULL: not among them. Names of headers have no case. */
static const Str *find_header(const SinkSetting *headers, Str name) {
        for (size_t i = 0; headers && i + 1 < headers->n_values; i += 2)
                if (str_ieq(headers->values[i], name))
                        return &headers->values[i + 1];
        return NULL;
}

static bool is_json(const Str *type) {
        const char *end = type ? memchr(type->p, ';', type->n) : NULL;
        Str word =
                !type ? STR("application/json") : (Str){ type->p, end ? (size_t)(end - type->p) : type->n };

        while (word.n && word.p[word.n - 1] == ' ')
                word.n--;
        return str_ieq(word, STR("application/json")) ||
               (word.n > 5 && str_ieq((Str){ word.p + word.n - 5, 5 }, STR("+json")));
}

/* What stands behind the last slash, where it can be the name of a topic of ntfy. */
static Str topic_of(Str url) {
        const char *slash = memrchr(url.p, '/', url.n);
        Str topic = slash && slash > url.p && slash[-1] != '/'
                            ? (Str){ slash + 1, url.n - (size_t)(slash + 1 - url.p) }
                            : STR("");
        size_t n = strspn(topic.p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

        return n == topic.n && n <= 64 ? topic : STR("");
}

static size_t on_answer(char *text, size_t size, size_t n, void *userdata) {
        Transfer *t = userdata;
        size_t *n_answer = &((Webhook *)t->userdata)->n_answer[t->slot], room = sizeof(t->said) - t->n_said;

        memcpy(t->said + t->n_said, text, n < room ? n : room);
        t->n_said += n < room ? n : room;
        *n_answer += n;
        return *n_answer > WEBHOOK_ANSWER_MAX ? 0 : n;
}

/* The first line of the answer that says something. */
static Str answer_line(const Transfer *t) {
        Str line = { t->said, t->n_said };

        while (line.n && (uint8_t)line.p[0] <= ' ')
                line = (Str){ line.p + 1, line.n - 1 };
        for (size_t i = 0; i < line.n; i++)
                if (line.p[i] == '\n' || line.p[i] == '\r' || i == WEBHOOK_LINE)
                        line.n = i;
        return line;
}

static void put_status(const Transfer *t, long status, Buf *why) {
        Str line = status < 400 ? STR("redirects are not followed") : answer_line(t);

        buf_printf(why, "HTTP %ld%s", status, line.n ? ": " : "");
        buf_str(why, line);
}

static uint64_t retry_after_ms(const Transfer *t) {
        curl_off_t after = 0;

        if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after) != CURLE_OK || after < 0)
                return 0;
        return (uint64_t)(after < WEBHOOK_AFTER_S ? after : WEBHOOK_AFTER_S) * 1000;
}

static bool is_temporary(long status) {
        return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* A status is the answer, however the connection ends after it. */
static void judge(Transfer *t, CURLcode code, TransferEnd *end) {
        long status = 0;

        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status < 200) {
                buf_putz(&end->why, t->error[0] ? t->error : curl_easy_strerror(code));
        } else if (status < 300) {
                end->verdict = SINK_DELIVERED;
        } else {
                put_status(t, status, &end->why);
                end->verdict = is_temporary(status) ? SINK_RETRY : SINK_REFUSED;
                end->after_ms = is_temporary(status) ? retry_after_ms(t) : 0;
        }
}

static bool put_signature(Transfer *t, const Webhook *w) {
        uint8_t code[32];
        char when[32], hex[7 + 64 + 1] = "sha256=";
        const Str parts[] = { { when, (size_t)snprintf(when, sizeof(when), "%lld", (long long)time(NULL)) },
                              STR("."),
                              buf_view(&t->body) };

        sha256_hmac(buf_view(&w->secret.text), parts, ARRAY_SIZE(parts), code);
        for (size_t i = 0; i < sizeof(code); i++)
                snprintf(hex + 7 + 2 * i, 3, "%02x", code[i]);
        return transfer_header(t, "X-Aulert-Timestamp", str_from(when)) &&
               transfer_header(t, "X-Aulert-Signature", str_from(hex));
}

static bool put_token(Transfer *t, const Webhook *w) {
        Buf value = BUF_INIT;
        bool ok;

        BUF_LIT(&value, "Bearer ");
        buf_str(&value, buf_view(&w->token.text));
        ok = !value.failed && transfer_header(t, "Authorization", buf_view(&value));
        if (value.n)
                explicit_bzero(value.p, value.n);
        buf_done(&value);
        return ok;
}

static bool put_headers(Transfer *t, const Webhook *w) {
        bool ok = transfer_header(t, "User-Agent", STR("aulert"));

        if (!find_header(w->headers, STR("Content-Type")))
                ok = ok && transfer_header(t, "Content-Type", STR("application/json"));
        for (size_t i = 0; w->headers && i + 1 < w->headers->n_values; i += 2)
                ok = ok && transfer_header(t, w->headers->values[i].p, w->headers->values[i + 1]);
        if (w->token.path)
                ok = ok && put_token(t, w);
        if (w->secret.path)
                ok = ok && put_signature(t, w);
        return ok;
}

/* ntfy takes JSON at its root. matrix takes an id beside the event: a repeat is not shown again. */
static bool put_url(Transfer *t, const Webhook *w, const Alert *a) {
        Buf url = BUF_INIT;
        bool ok;

        buf_put(&url, w->url.p, w->url.n - w->topic.n);
        if (w->preset == WEBHOOK_MATRIX) {
                buf_putc(&url, '/');
                buf_str(&url, a->id);
        }
        ok = buf_z(&url) && curl_easy_setopt(t->easy, CURLOPT_URL, url.p) == CURLE_OK;
        buf_done(&url);
        return ok;
}

static bool compose(Transfer *t, const Webhook *w, const Alert *a) {
        if (w->template.n)
                webhook_template(&t->body, w->template, a, str_from(w->host), w->json);
        else
                webhook_body(&t->body, w->preset, a, str_from(w->host), w->topic);
        if (!t->easy || !buf_z(&t->body) || !put_headers(t, w) || !put_url(t, w, a))
                return false;
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.p);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
        if (w->preset == WEBHOOK_MATRIX)
                curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "PUT");
        curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
        curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
        return true;
}

/* Again at every alert until it works: what is wrong may be put right. */
static bool read_secret(Secret *s, Buf *ret_why) {
        const char *why = "out of memory";

        if (!s->path || s->text.n || check_read_secret(&s->text, s->path, &why) == 0)
                return true;
        buf_printf(ret_why, "%s: %s", s->path, why);
        return false;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Webhook *w = sink_state(sink);
        Transfer *t = transfers_take(w->transfers, id);
        Buf why = BUF_INIT;

        if (!t)
                return SINK_E_BUSY;
        w->n_answer[t->slot] = 0;
        if (!read_secret(&w->secret, &why) || !read_secret(&w->token, &why))
                transfer_refuse(t, SINK_RETRY, buf_z(&why) ? why.p : "");
        else if (!compose(t, w, alert))
                transfer_refuse(t, SINK_RETRY, strerror(ENOMEM));
        else
                transfer_start(t);
        buf_done(&why);
        return 0;
}

static void forget_secret(Secret *s) {
        if (s->text.n)
                explicit_bzero(s->text.p, s->text.n);
        buf_done(&s->text);
}

static void close_webhook(Sink *sink) {
        Webhook *w = sink_state(sink);

        transfers_free(w->transfers);
        forget_secret(&w->secret);
        forget_secret(&w->token);
        free(w);
}

static int open_webhook(Sink *sink, const SinkConf *conf) {
        Webhook *w = calloc(1, sizeof(*w));
        const TransferSetup setup = { .n_max = WEBHOOK_AT_ONCE,
                                      .protocols = "http,https",
                                      .ca = sink_conf_text(conf, "ca", STR_NULL).p,
                                      .no_verify = !sink_conf_flag(conf, "verify", true),
                                      .timeout_ms = sink_conf_number(conf, "timeout", 0),
                                      .judge = judge,
                                      .userdata = w };
        Buf unread = BUF_INIT;
        int r;

        if (!w)
                return -ENOMEM;
        w->url = sink_conf_text(conf, "url", STR(""));
        w->template = sink_conf_text(conf, "template", STR(""));
        w->headers = sink_conf_find(conf, "headers");
        w->preset = preset_of(conf);
        w->json = is_json(find_header(w->headers, STR("Content-Type")));
        w->topic = w->preset == WEBHOOK_NTFY ? topic_of(w->url) : STR("");
        w->secret = (Secret){ sink_conf_text(conf, "secret_file", STR_NULL).p, BUF_INIT };
        w->token = (Secret){ sink_conf_text(conf, "token_file", STR_NULL).p, BUF_INIT };
        transfer_host(w->host);
        sink_set_state(sink, w);
        /* while they can be; a reason is told with the first alert */
        (void)(read_secret(&w->secret, &unread) && read_secret(&w->token, &unread));
        buf_done(&unread);
        r = transfers_new(&w->transfers, sink, &setup);
        if (r < 0)
                close_webhook(sink);
        return r;
}

static bool check_webhook(const SinkConf *conf, Buf *why) {
        const SinkSetting *headers = sink_conf_find(conf, "headers");
        Str template = sink_conf_text(conf, "template", STR("")), url = sink_conf_text(conf, "url", STR("")),
            name;
        WebhookPreset preset = preset_of(conf);

        if (template.n && preset != WEBHOOK_GENERIC)
                BUF_LIT(why, "template and preset do not go together");
        else if (!webhook_template_check(template, &name))
                buf_printf(why, "template has {" STR_FMT "}, which no alert has", STR_ARG(name));
        else if (preset != WEBHOOK_GENERIC && find_header(headers, STR("Content-Type")))
                BUF_LIT(why, "a preset has a Content-Type of its own");
        else if (find_header(headers, STR("Content-Length")) ||
                 find_header(headers, STR("Transfer-Encoding")))
                BUF_LIT(why, "Content-Length and Transfer-Encoding are not for headers");
        else if (find_header(headers, STR("Authorization")) && sink_conf_find(conf, "token_file"))
                BUF_LIT(why, "token_file and a header Authorization do not go together");
        else if (preset == WEBHOOK_NTFY && !topic_of(url).n)
                BUF_LIT(why, "url must end in the name of a topic: https://HOST/TOPIC");
        else if (preset == WEBHOOK_MATRIX && (!str_ends(url, STR("/send/m.room.message"))))
                BUF_LIT(why, "url must be https://HOST/_matrix/client/v3/rooms/ROOM/send/m.room.message");
        else if (preset == WEBHOOK_MATRIX && !sink_conf_find(conf, "token_file") &&
                 !find_header(headers, STR("Authorization")))
                BUF_LIT(why,
                        "preset matrix needs token_file: the file of the access token of who writes there");
        return !why->n;
}

static const SinkOption options[] = {
        { .name = "url", .kind = SINK_TEXT, .required = true, .check = check_http_url },
        { .name = "preset", .kind = SINK_CHOICE, .choices = preset_words },
        { .name = "template", .kind = SINK_TEXT },
        { .name = "headers", .kind = SINK_MAP, .check = check_headers },
        { .name = "secret_file", .kind = SINK_PATH },
        { .name = "token_file", .kind = SINK_PATH },
        { .name = "ca", .kind = SINK_PATH },
        { .name = "verify", .kind = SINK_BOOL },
        { .name = "timeout", .kind = SINK_DURATION, .check = check_timeout },
};

const SinkOps sink_webhook = { .type = "webhook",
                               .options = options,
                               .n_options = ARRAY_SIZE(options),
                               .check = check_webhook,
                               .open = open_webhook,
                               .submit = submit,
                               .close = close_webhook };
