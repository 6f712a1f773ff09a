/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/escape.h"
#include "sink/check.h"

#define LINE_MAX_BYTES 998u

static bool has_control(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7F)
                        return true;
        return false;
}

bool check_is_line(Str s) { return s.n <= LINE_MAX_BYTES && !has_control(s) && escape_is_utf8(s); }

const char *check_line(const SinkSetting *setting) {
        return check_is_line(setting->values[0]) ? NULL : "must be one line without control characters";
}

static bool is_address(Str s) {
        size_t n_at = 0;

        for (size_t i = 0; i < s.n; i++) {
                n_at += s.p[i] == '@';
                if ((uint8_t)s.p[i] <= 0x20 || (uint8_t)s.p[i] >= 0x7F || strchr("<>()\\,;\"", s.p[i]))
                        return false;
        }
        return s.n && s.n <= 254 && n_at <= 1 && s.p[0] != '@' && s.p[s.n - 1] != '@' && s.p[0] != '-';
}

const char *check_addresses(const SinkSetting *setting) {
        for (size_t i = 0; i < setting->n_values; i++)
                if (!is_address(setting->values[i]))
                        return "must be like root@example.com";
        return NULL;
}

static bool has_part(CURLU *url, CURLUPart part) {
        char *text = NULL;
        bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text && *text && strcmp(text, "/") != 0;

        curl_free(text);
        return has;
}

static bool has_scheme(CURLU *url, const char *const *schemes) {
        char *text = NULL;
        bool is = false;

        if (curl_url_get(url, CURLUPART_SCHEME, &text, 0) == CURLUE_OK)
                for (size_t i = 0; schemes[i]; i++)
                        is |= !strcmp(text, schemes[i]);
        curl_free(text);
        return is;
}

/* No user and password: they have files of their own, and urls are shown. */
static bool is_url(Str s, const char *const *schemes, bool with_path) {
        CURLU *url = has_control(s) || !strstr(s.p, "://") ? NULL : curl_url();
        bool is = url && curl_url_set(url, CURLUPART_URL, s.p, 0) == CURLUE_OK && has_scheme(url, schemes) &&
                  has_part(url, CURLUPART_HOST) && !has_part(url, CURLUPART_USER) &&
                  !has_part(url, CURLUPART_PASSWORD) && !has_part(url, CURLUPART_FRAGMENT);

        if (is && !with_path)
                is = !has_part(url, CURLUPART_PATH) && !has_part(url, CURLUPART_QUERY);
        curl_url_cleanup(url);
        return is;
}

const char *check_smtp_url(const SinkSetting *setting) {
        static const char *const schemes[] = { "smtp", "smtps", NULL };

        return is_url(setting->values[0], schemes, false) ? NULL
                                                          : "must be smtp://HOST:PORT or smtps://HOST:PORT";
}

const char *check_http_url(const SinkSetting *setting) {
        static const char *const schemes[] = { "http", "https", NULL };

        return is_url(setting->values[0], schemes, true)
                       ? NULL
                       : "must be an http:// or https:// URL, without user and password";
}

/* RFC 9110, 5.6.2. */
static bool is_token(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if ((uint8_t)s.p[i] <= 0x20 || (uint8_t)s.p[i] >= 0x7F ||
                    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
                        return false;
        return s.n;
}

const char *check_headers(const SinkSetting *setting) {
        for (size_t i = 0; i + 1 < setting->n_values; i += 2) {
                if (!is_token(setting->values[i]))
                        return "must be a map from names of headers to texts";
                if (!check_is_line(setting->values[i + 1]))
                        return "must have values of one line without control characters";
        }
        return NULL;
}

const char *check_timeout(const SinkSetting *setting) {
        return setting->number && setting->number <= CHECK_TIMEOUT_MS ? NULL : "must be between 1ms and 10m";
}

static int refuse(int error, const char *why, const char **ret_why) {
        *ret_why = why ? why : strerror(error);
        return -error;
}

static int read_line(Buf *out, int fd, const char **ret_why) {
        char text[CHECK_SECRET_MAX + 1];
        ssize_t n = read(fd, text, sizeof(text));
        int r = 0;

        if (n < 0)
                return refuse(errno, NULL, ret_why);
        if (n > (ssize_t)CHECK_SECRET_MAX)
                r = refuse(EINVAL, "is longer than 4096 bytes", ret_why);
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
                n--;
        if (n <= 0)
                r = refuse(EINVAL, "is empty", ret_why);
        else if (has_control((Str){ text, (size_t)n }))
                r = refuse(EINVAL, "must hold one line", ret_why);
        if (r == 0)
                buf_put(out, text, (size_t)n);
        explicit_bzero(text, sizeof(text));
        return r;
}

int check_read_secret(Buf *out, const char *path, const char **ret_why) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
        struct stat st;

        if (fd < 0 && errno == EACCES)
                return refuse(EACCES,
                              "cannot be read by the user that delivers: chown aulert-deliver, chmod 600",
                              ret_why);
        if (fd < 0)
                return refuse(errno, NULL, ret_why);
        if (fstat(fd, &st) < 0)
                r = refuse(errno, NULL, ret_why);
        else if (!S_ISREG(st.st_mode))
                r = refuse(EINVAL, "is no file", ret_why);
        else if (st.st_mode & (st.st_gid == getegid() ? 037 : 077))
                r = refuse(EACCES, "holds a secret that others may read: chmod 600", ret_why);
        else
                r = read_line(out, fd, ret_why);
        close(fd);
        return r;
}
