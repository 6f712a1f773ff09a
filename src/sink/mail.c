/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mail sink: one mail an alert, over a connection of its own, to all recipients at once. */
#include <errno.h>
#include <stdlib.h>
#include "base/escape.h"
#include "sink/check.h"
#include "sink/mail-text.h"
#include "sink/transfer.h"

#define MAIL_AT_ONCE     2u
#define MAIL_REFUSED_MAX 800u /* bytes of the reasons why recipients were refused */
#define SERVER           "smtp://localhost:25"

/* Our side of the talk. */
typedef enum { ASKED_NOTHING, ASKED_HELLO, ASKED_TLS, ASKED_LOGIN, ASKED_FROM, ASKED_TO, ASKED_DATA } Asked;

static const struct {
        Asked asked;
        Str command;
} commands[] = {
        { ASKED_HELLO, STR_INIT("EHLO") },      { ASKED_HELLO, STR_INIT("HELO") },
        { ASKED_TLS, STR_INIT("STARTTLS") },    { ASKED_LOGIN, STR_INIT("AUTH") },
        { ASKED_FROM, STR_INIT("MAIL FROM:") }, { ASKED_TO, STR_INIT("RCPT TO:") },
        { ASKED_DATA, STR_INIT("DATA") },
};

typedef struct {
        Asked asked;
        unsigned code; /* of the last answer; 0: none */
        char recipient[256];
        bool temporary; /* a recipient was refused for now only */
        Buf refused;    /* which recipients, and why */
} Talk;

typedef struct {
        Transfers *transfers;
        const SinkSetting *to;
        const char *server, *user, *password_file;
        Str prefix;
        long use_ssl;
        char host[256];
        Buf from, password;
        Talk talks[MAIL_AT_ONCE];
} Mail;

static bool is_loopback(const char *server) {
        char *host = NULL;
        CURLU *url = curl_url();
        bool is = false;

        if (url && curl_url_set(url, CURLUPART_URL, server, 0) == CURLUE_OK &&
            curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
                is = !strcmp(host, "localhost") || !strncmp(host, "127.", 4) || !strcmp(host, "[::1]");
        curl_free(host);
        curl_url_cleanup(url);
        return is;
}

static const char *text_of(const SinkConf *conf, const char *name, const char *otherwise) {
        return sink_conf_text(conf, name, str_from(otherwise)).p;
}

static long ssl_level(const char *word, bool loopback) {
        if (!word)
                return loopback ? CURLUSESSL_TRY : CURLUSESSL_ALL;
        return !strcmp(word, "never") ? CURLUSESSL_NONE
               : !strcmp(word, "try") ? CURLUSESSL_TRY
                                      : CURLUSESSL_ALL;
}

static void put_refused(Talk *talk, Str line) {
        if (talk->refused.n > MAIL_REFUSED_MAX)
                return;
        buf_printf(&talk->refused, "%s%s: ", talk->refused.n ? "; " : "", talk->recipient);
        buf_str(&talk->refused, line);
}

/* A line of the server; "250-" is followed by more lines of the same answer. */
static size_t on_answer(char *text, size_t size, size_t n, void *userdata) {
        Transfer *t = userdata;
        Talk *talk = &((Mail *)t->userdata)->talks[t->slot];
        Str line = { text, n };
        uint64_t code;

        while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
                line.n--;
        if (t->over || line.n < 3 || !str_u64((Str){ line.p, 3 }, 10, &code))
                return n;
        talk->code = (unsigned)code;
        t->n_said = line.n < sizeof(t->said) ? line.n : sizeof(t->said);
        memcpy(t->said, line.p, t->n_said);
        if (talk->asked == ASKED_TO && code >= 300 && (line.n == 3 || line.p[3] == ' ')) {
                talk->temporary |= code < 500;
                put_refused(talk, (Str){ t->said, t->n_said });
        }
        return n;
}

static void note_recipient(Talk *talk, Str command) {
        const char *open = memchr(command.p, '<', command.n), *end = memchr(command.p, '>', command.n);
        size_t n = open && end > open ? (size_t)(end - open - 1) : 0;

        if (n >= sizeof(talk->recipient))
                n = sizeof(talk->recipient) - 1;
        memcpy(talk->recipient, n ? open + 1 : "", n);
        talk->recipient[n] = 0;
}

static void note_command(Transfer *t, Talk *talk, Str command) {
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                if (str_starts(command, commands[i].command)) {
                        talk->asked = commands[i].asked;
                        talk->code = 0;
                        t->n_said = 0;
                        if (talk->asked == ASKED_TO)
                                note_recipient(talk, command);
                        return;
                }
}

/* What we say ourselves. libcurl waits for the answer to QUIT where it should not: in the middle of the loop, for
 * two minutes. Nobody needs that answer. */
static int on_debug(CURL *easy, curl_infotype type, char *text, size_t n, void *userdata) {
        Transfer *t = userdata;
        Talk *talk = &((Mail *)t->userdata)->talks[t->slot];
        Str command = { text, n };

        if (type != CURLINFO_HEADER_OUT)
                return 0;
        if (str_starts(command, STR("QUIT")))
                t->over = true;
        else
                note_command(t, talk, command);
        return 0;
}

static const char *asked_words(Asked asked) {
        static const char *const words[] = {
                [ASKED_NOTHING] = "connecting", [ASKED_HELLO] = "EHLO",     [ASKED_TLS] = "STARTTLS",
                [ASKED_LOGIN] = "AUTH",         [ASKED_FROM] = "MAIL FROM", [ASKED_TO] = "RCPT TO",
                [ASKED_DATA] = "DATA",
        };

        return words[asked];
}

/* It is the mail that the server does not want, and it never will. What can be mended on either side (logins,
 * encryption, connections) is no reason to drop an alert. */
static bool is_final(const Talk *talk) {
        static const unsigned mendable[] = { 530, 534, 535, 538 };

        for (size_t i = 0; i < ARRAY_SIZE(mendable); i++)
                if (talk->code == mendable[i])
                        return false;
        return talk->asked >= ASKED_FROM && talk->code >= 500 && talk->code < 600 &&
               !(talk->asked == ASKED_TO && talk->temporary);
}

static void put_error(Buf *why, const Talk *talk, const char *error) {
        buf_putz(why, error);
        if (talk->asked)
                buf_printf(why, " (%s)", asked_words(talk->asked));
}

static void judge_failure(Transfer *t, const Talk *talk, CURLcode code, TransferEnd *end) {
        const char *error = t->error[0] ? t->error : curl_easy_strerror(code);

        if (code == CURLE_OPERATION_TIMEDOUT) {
                put_error(&end->why, talk, error);
                return;
        }
        if (is_final(talk))
                end->verdict = SINK_REFUSED;
        if (talk->asked == ASKED_TO && talk->refused.n) {
                buf_str(&end->why, buf_view(&talk->refused));
        } else if (talk->code >= 400) {
                buf_printf(&end->why, "%s: ", asked_words(talk->asked));
                buf_put(&end->why, t->said, t->n_said);
        } else {
                put_error(&end->why, talk, error);
        }
}

static void judge(Transfer *t, CURLcode code, TransferEnd *end) {
        Talk *talk = &((Mail *)t->userdata)->talks[t->slot];

        if (code != CURLE_OK) {
                judge_failure(t, talk, code, end);
        } else {
                end->verdict = SINK_DELIVERED;
                if (talk->refused.n) {
                        BUF_LIT(&end->why, "not to ");
                        buf_str(&end->why, buf_view(&talk->refused));
                }
        }
        buf_done(&talk->refused);
}

static bool put_addresses(Transfer *t, const Mail *m) {
        Buf to = BUF_INIT;
        bool ok = true;

        for (size_t i = 0; ok && i < m->to->n_values; i++) {
                struct curl_slist *more = curl_slist_append(t->recipients, m->to->values[i].p);

                buf_putz(&to, i ? ",\r\n " : "");
                buf_str(&to, m->to->values[i]);
                ok = more;
                if (more)
                        t->recipients = more;
        }
        ok = ok && !to.failed && transfer_header(t, "To", buf_view(&to));
        buf_done(&to);
        return ok;
}

static bool put_headers(Transfer *t, const Mail *m, const Alert *a) {
        Buf subject = BUF_INIT, date = BUF_INIT, id = BUF_INIT;
        bool ok;

        mail_subject(&subject, m->prefix, a);
        mail_date(&date, time(NULL));
        buf_putc(&id, '<');
        buf_str(&id, a->id);
        buf_printf(&id, "@%s>", m->host);
        ok = !subject.failed && !date.failed && !id.failed && transfer_header(t, "Date", buf_view(&date)) &&
             transfer_header(t, "From", buf_view(&m->from)) && put_addresses(t, m) &&
             transfer_header(t, "Subject", buf_view(&subject)) &&
             transfer_header(t, "Message-ID", buf_view(&id)) &&
             transfer_header(t, "Auto-Submitted", STR("auto-generated"));
        buf_done(&subject);
        buf_done(&date);
        buf_done(&id);
        return ok;
}

static bool add_part(curl_mime *mime, const Buf *data, const char *type, const char *encoder,
                     const char *name) {
        curl_mimepart *part = data->failed ? NULL : curl_mime_addpart(mime);

        return part && curl_mime_data(part, data->p, data->n) == CURLE_OK &&
               curl_mime_type(part, type) == CURLE_OK && curl_mime_encoder(part, encoder) == CURLE_OK &&
               (!name || curl_mime_filename(part, name) == CURLE_OK);
}

static bool put_parts(Transfer *t, const Mail *m, const Alert *a) {
        Buf text = BUF_INIT, json = BUF_INIT;
        bool ok;

        mail_text(&text, a, str_from(m->host));
        alert_json_records(&json, a);
        t->mime = curl_mime_init(t->easy);
        ok = t->mime && add_part(t->mime, &text, "text/plain; charset=utf-8", "quoted-printable", NULL) &&
             add_part(t->mime, &json, "application/json", "base64", "alert.json");
        buf_done(&text);
        buf_done(&json);
        return ok;
}

static bool compose(Transfer *t, const Mail *m, const Alert *a) {
        if (!t->easy || !put_headers(t, m, a) || !put_parts(t, m, a))
                return false;
        curl_easy_setopt(t->easy, CURLOPT_URL, m->server);
        curl_easy_setopt(t->easy, CURLOPT_USE_SSL, m->use_ssl);
        if (m->user) {
                curl_easy_setopt(t->easy, CURLOPT_USERNAME, m->user);
                curl_easy_setopt(t->easy, CURLOPT_PASSWORD, m->password.p);
        }
        curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, m->from.p);
        curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, t->recipients);
        curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
        curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, t->mime);
        curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_answer);
        curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_DEBUGFUNCTION, on_debug);
        curl_easy_setopt(t->easy, CURLOPT_DEBUGDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_VERBOSE, 1L);
        return true;
}

/* Again at every alert until it works: what is wrong may be put right. */
static bool read_password(Mail *m, Buf *ret_why) {
        const char *why = "out of memory";

        if (!m->user || m->password.n)
                return true;
        if (check_read_secret(&m->password, m->password_file, &why) == 0 && buf_z(&m->password))
                return true;
        buf_printf(ret_why, "%s: %s", m->password_file, why);
        return false;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Mail *m = sink_state(sink);
        Transfer *t = transfers_take(m->transfers, id);
        Buf why = BUF_INIT;

        if (!t)
                return SINK_E_BUSY;
        m->talks[t->slot] = (Talk){ .refused = BUF_INIT };
        if (!read_password(m, &why))
                transfer_refuse(t, SINK_RETRY, buf_z(&why) ? why.p : "");
        else if (!compose(t, m, alert))
                transfer_refuse(t, SINK_RETRY, strerror(ENOMEM));
        else
                transfer_start(t);
        buf_done(&why);
        return 0;
}

static void close_mail(Sink *sink) {
        Mail *m = sink_state(sink);

        transfers_free(m->transfers);
        for (size_t i = 0; i < MAIL_AT_ONCE; i++)
                buf_done(&m->talks[i].refused);
        if (m->password.n)
                explicit_bzero(m->password.p, m->password.n);
        buf_done(&m->password);
        buf_done(&m->from);
        free(m);
}

static int set_up(Mail *m, Sink *sink, const SinkConf *conf) {
        const TransferSetup setup = { .n_max = MAIL_AT_ONCE,
                                      .protocols = "smtp,smtps",
                                      .ca = text_of(conf, "ca", NULL),
                                      /* who would go on without encryption gains nothing by refusing it */
                                      .no_verify = m->use_ssl == CURLUSESSL_TRY &&
                                                   !sink_conf_find(conf, "ca") &&
                                                   strncmp(m->server, "smtps:", 6) != 0,
                                      .timeout_ms = sink_conf_number(conf, "timeout", 0),
                                      .judge = judge,
                                      .userdata = m };
        Buf unread = BUF_INIT;

        if (sink_conf_find(conf, "from"))
                buf_str(&m->from, sink_conf_find(conf, "from")->values[0]);
        else
                buf_printf(&m->from, "aulert@%s", m->host);
        if (!buf_z(&m->from))
                return -ENOMEM;
        (void)read_password(m, &unread); /* while it can be; a reason is told with the first alert */
        buf_done(&unread);
        return transfers_new(&m->transfers, sink, &setup);
}

static int open_mail(Sink *sink, const SinkConf *conf) {
        Mail *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->from = m->password = BUF_INIT;
        m->to = sink_conf_find(conf, "to");
        m->server = text_of(conf, "server", SERVER);
        m->user = text_of(conf, "user", NULL);
        m->password_file = text_of(conf, "password_file", NULL);
        m->prefix = str_from(text_of(conf, "subject_prefix", "[aulert]"));
        m->use_ssl = ssl_level(text_of(conf, "starttls", NULL), is_loopback(m->server));
        transfer_host(m->host);
        sink_set_state(sink, m);
        r = set_up(m, sink, conf);
        if (r < 0)
                close_mail(sink);
        return r;
}

static bool check_mail(const SinkConf *conf, Buf *why) {
        bool alone = !sink_conf_find(conf, "user") != !sink_conf_find(conf, "password_file");

        if (alone)
                BUF_LIT(why, "user and password_file go together");
        return !alone;
}

static const char *const starttls_words[] = { "never", "try", "require", NULL };

static const SinkOption options[] = {
        { .name = "to", .kind = SINK_LIST, .required = true, .check = check_addresses },
        { .name = "from", .kind = SINK_TEXT, .check = check_addresses },
        { .name = "server", .kind = SINK_TEXT, .check = check_smtp_url },
        { .name = "starttls", .kind = SINK_CHOICE, .choices = starttls_words },
        { .name = "ca", .kind = SINK_PATH },
        { .name = "user", .kind = SINK_TEXT, .check = check_line },
        { .name = "password_file", .kind = SINK_PATH },
        { .name = "subject_prefix", .kind = SINK_TEXT, .check = check_line },
        { .name = "timeout", .kind = SINK_DURATION, .check = check_timeout },
};

const SinkOps sink_mail = { .type = "mail",
                            .options = options,
                            .n_options = ARRAY_SIZE(options),
                            .check = check_mail,
                            .open = open_mail,
                            .submit = submit,
                            .close = close_mail };
