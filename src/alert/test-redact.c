/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "alert/alert-pack.h"
#include "alert/test-capture.h"
#include "base/escape.h"

/* The secret is S3cr3t everywhere; words have | between them. */
static const struct {
        const char *words, *clean;
} commands[] = {
        { "prog|--password=S3cr3t|x", "prog|--password=[redacted]|x" },
        { "prog|--password=S3cr3t and S3cr3t|x", "prog|--password=[redacted]|x" },
        { "prog|--password|S3cr3t|x", "prog|--password|[redacted]|x" },
        { "prog|--password|--user|x", "prog|--password|--user|x" },
        { "prog|-password|S3cr3t", "prog|-password|[redacted]" },
        { "prog|--db-pass=S3cr3t", "prog|--db-pass=[redacted]" },
        { "prog|--token|S3cr3t", "prog|--token|[redacted]" },
        { "prog|--api-key=S3cr3t", "prog|--api-key=[redacted]" },
        { "prog|--apiKey|S3cr3t", "prog|--apiKey|[redacted]" },
        { "prog|--client_secret=S3cr3t", "prog|--client_secret=[redacted]" },
        { "prog|--password-file=/etc/x|--password-stdin|y",
          "prog|--password-file=/etc/x|--password-stdin|y" },
        { "prog|--no-password|x", "prog|--no-password|x" },
        { "prog|--max-tokens|100", "prog|--max-tokens|100" },
        { "java|-Ddb.password=S3cr3t|-jar|x", "java|-Ddb.password=[redacted]|-jar|x" },
        { "keytool|-storepass|S3cr3t", "keytool|-storepass|[redacted]" },
        { "env|PGPASSWORD=S3cr3t|psql", "env|PGPASSWORD=[redacted]|psql" },
        { "env|AWS_SECRET_ACCESS_KEY=S3cr3t/x|aws|s3", "env|AWS_SECRET_ACCESS_KEY=[redacted]|aws|s3" },
        { "env|GITHUB_TOKEN=S3cr3t", "env|GITHUB_TOKEN=[redacted]" },
        { "env|PWD=/home/alice|OLDPWD=/|SSHPASS=S3cr3t", "env|PWD=/home/alice|OLDPWD=/|SSHPASS=[redacted]" },
        { "env|-S|MYSQL_PWD=S3cr3t x", "env|-S|MYSQL_PWD=[redacted]" },
        { "mysql|-u|root|-pS3cr3t|db", "mysql|-u|root|-p[redacted]|db" },
        { "mysql|-p|db", "mysql|-p|db" },
        { "/usr/bin/mysqldump|-pS3cr3t", "/usr/bin/mysqldump|-p[redacted]" },
        { "sudo|-u|x|mysql|-pS3cr3t", "sudo|-u|x|mysql|-p[redacted]" },
        { "mkdir|-p|a", "mkdir|-p|a" },
        { "ssh|-p2222|host", "ssh|-p2222|host" },
        { "curl|-u|alice:S3cr3t|http://h/", "curl|-u|alice:[redacted]|http://h/" },
        { "curl|-ualice:S3cr3t", "curl|-ualice:[redacted]" },
        { "curl|-sSu|alice:S3cr3t", "curl|-sSu|alice:[redacted]" },
        { "curl|--user=alice:S3cr3t", "curl|--user=alice:[redacted]" },
        { "curl|-u|alice|x", "curl|-u|alice|x" },
        { "curl|-H|Authorization: Bearer S3cr3t|x", "curl|-H|Authorization: Bearer [redacted]|x" },
        { "curl|-H|authorization:S3cr3t x|y", "curl|-H|authorization:[redacted]|y" },
        { "curl|-H|X-Api-Key: S3cr3t", "curl|-H|X-Api-Key: [redacted]" },
        { "curl|-H|PRIVATE-TOKEN: S3cr3t", "curl|-H|PRIVATE-TOKEN: [redacted]" },
        { "curl|-b|session=S3cr3t", "curl|-b|[redacted]" },
        { "curl|-d|{\"user\":\"a\",\"password\":\"S3 cr3t\",\"x\":1}",
          "curl|-d|{\"user\":\"a\",\"password\":\"[redacted]\",\"x\":1}" },
        { "curl|-d|{\"password\": \"S3cr3t\"}", "curl|-d|{\"password\": \"[redacted]\"}" },
        { "curl|-d|user=a&password=S3cr3t&x=1", "curl|-d|user=a&password=[redacted]&x=1" },
        { "wget|https://h/?api_key=S3cr3t&q=1", "wget|https://h/?api_key=[redacted]&q=1" },
        { "git|clone|https://alice:S3cr3t@h/r.git", "git|clone|https://alice:[redacted]@h/r.git" },
        { "git|clone|https://alice:S3:c@r3t@h/r", "git|clone|https://alice:[redacted]@h/r" },
        { "curl|http://h:80/a@b:c", "curl|http://h:80/a@b:c" },
        { "git|clone|https://ghp_0123456789abcdefghij0123@h/r", "git|clone|https://[redacted]@h/r" },
        { "prog|AKIAIOSFODNN7EXAMPLE", "prog|[redacted]" },
        { "sshpass|-p|S3cr3t|ssh|h", "sshpass|-p|[redacted]|ssh|h" },
        { "sshpass|-pS3cr3t|ssh|-p|22|h", "sshpass|-p[redacted]|ssh|-p|[redacted]|h" },
        { "openssl|enc|-k|S3cr3t", "openssl|enc|-k|[redacted]" },
        { "openssl|rsa|-passin|pass:S3cr3t|-in|x", "openssl|rsa|-passin|pass:[redacted]|-in|x" },
        { "openssl|rsa|-passin|file:/x", "openssl|rsa|-passin|file:/x" },
        { "smbclient|//h/s|-U|a%S3cr3t", "smbclient|//h/s|-U|a%[redacted]" },
        { "mount|-o|username=a,password=S3cr3t,ro|//h/s",
          "mount|-o|username=a,password=[redacted],ro|//h/s" },
        { "psql|host=h password=S3cr3t user=a", "psql|host=h password=[redacted] user=a" },
        { "ldapsearch|-D|cn=a|-w|S3cr3t|x", "ldapsearch|-D|cn=a|-w|[redacted]|x" },
        { "redis-cli|-a|S3cr3t|ping", "redis-cli|-a|[redacted]|ping" },
        { "docker|login|-u|a|-p|S3cr3t|h", "docker|login|-u|a|-p|[redacted]|h" },
        { "xfreerdp|/u:a|/p:S3cr3t|/v:h", "xfreerdp|/u:a|/p:[redacted]|/v:h" },
        { "htpasswd|-b|f|a|S3cr3t", "htpasswd|-b|f|a|[redacted]" },
        { "htpasswd|f|a", "htpasswd|f|a" },
        { "wpa_passphrase|net|S3cr3t", "wpa_passphrase|net|[redacted]" },
        { "aws|configure|set|aws_secret_access_key|S3cr3t",
          "aws|configure|set|aws_secret_access_key|[redacted]" },
        { "sh|-c|mysql -pS3cr3t db", "sh|-c|mysql -p[redacted] db" },
        { "sh|-c|PGPASSWORD=S3cr3t psql -h x", "sh|-c|PGPASSWORD=[redacted] psql -h x" },
        { "sh|-c|x=1;mysql -pS3cr3t; ls", "sh|-c|x=1;mysql -p[redacted]; ls" },
        { "sh|-c|y=$(mysql -pS3cr3t db)", "sh|-c|y=$(mysql -p[redacted] db)" },
        { "sh|-c|curl -H \"Authorization: Bearer S3cr3t\" h",
          "sh|-c|curl -H \"Authorization: Bearer [redacted]\" h" },
        { "bash|-lc|bash -c \"mysql '-pS3cr3t' db\"", "bash|-lc|bash -c \"mysql '-p[redacted]' db\"" },
        { "ssh|h|mysql -p'S3 cr3t' db", "ssh|h|mysql -p[redacted]' db" },
        { "sh|-c|prog --password 'S3 cr3t' x", "sh|-c|prog --password '[redacted]' x" },
        { "sh|-c|prog --password=\"S3 cr3t\" x", "sh|-c|prog --password=\"[redacted]\" x" },
        { "sh|-c|echo it's; mysql -pS3cr3t; echo don't", "sh|-c|echo it's; mysql -p[redacted]; echo don't" },
        { "sh|-c|echo it's mysql -pS3cr3t", "sh|-c|echo it's mysql -p[redacted]" },
        { "ls|-l|/etc/passwd|secret.txt", "ls|-l|/etc/passwd|secret.txt" },
        { "docker|run|-v|/etc/passwd:/x|secret:latest", "docker|run|-v|/etc/passwd:/x|secret:latest" },
        { "prog|-----BEGIN RSA PRIVATE KEY-----\nS3cr3t\n-----END RSA PRIVATE KEY-----|x",
          "prog|-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----|x" },
        { "acme|--dsn-key|S3cr3t|--other|x", "acme|--dsn-key|[redacted]|--other|x" },
        { "env|MY_DSN_9=S3cr3t", "env|MY_DSN_9=[redacted]" },
        { "acmecli|-z|S3cr3t|x", "acmecli|-z|[redacted]|x" },
        { "acmecli|-zS3cr3t|x", "acmecli|-z[redacted]|x" },
        { "othercli|-z|abc", "othercli|-z|abc" },
};

static const Str added[] = { STR_INIT("dsn-key"), STR_INIT("my_dsn_*"), STR_INIT("acmecli -z") };
static const Redact lists = { .names = added, .n_names = 3 };

static void swap(Buf *text, char from, char to) {
        for (size_t i = 0; i < text->n; i++)
                if (text->p[i] == from)
                        text->p[i] = to;
}

static void words_lose_their_secrets(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                Buf words = BUF_INIT, clean = BUF_INIT;
                bool found;

                buf_putz(&words, commands[i].words);
                swap(&words, '|', 0);
                found = redact_words(&lists, buf_view(&words), &clean);
                swap(&clean, 0, '|');
                if (found != (strcmp(commands[i].words, commands[i].clean) != 0) ||
                    (found && !str_eqz(buf_view(&clean), commands[i].clean)))
                        print_error("%s: %s\n", commands[i].words, found ? buf_z(&clean) : "nothing found");
                assert_true(!found || str_eqz(buf_view(&clean), commands[i].clean));
                assert_int_equal(found, strcmp(commands[i].words, commands[i].clean) != 0);
                buf_done(&words);
                buf_done(&clean);
        }
}

/* As sudo writes them: with blanks, and no quotes. The words around are to stay. */
static void lines_lose_their_secrets(void **state) {
        static const struct {
                const char *line, *clean;
        } lines[] = {
                { "mysql -u root -pS3cr3t db", "mysql -u root -p[redacted] db" },
                { "prog --password S3cr3t x", "prog --password [redacted] x" },
                { "curl -H Authorization: Bearer S3cr3t http://h/",
                  "curl -H Authorization: Bearer [redacted] http://h/" },
                { "sh -c mysql -pS3;cr3t|x& db", "sh -c mysql -p[redacted] db" },
                { "PGPASSWORD=S3cr3t psql", "PGPASSWORD=[redacted] psql" },
                { "su -c mysql\t-pS3cr3t", "su -c mysql\t-p[redacted]" },
                { "htpasswd -b f a S3cr3t", "htpasswd -b f a [redacted]" },
                { "cat /etc/passwd", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                Buf clean = BUF_INIT;
                bool found = redact_line(NULL, str_from(lines[i].line), &clean);

                if (found)
                        assert_string_equal(buf_z(&clean), lines[i].clean);
                assert_int_equal(found, lines[i].clean != NULL);
                buf_done(&clean);
        }
}

/* "%h" and "%q" in @body: @text as hexadecimal digits, and in quotes. */
static void expand(Buf *out, const char *body, const char *text) {
        for (const char *p = body; *p; p++) {
                if (p[0] == '%' && p[1] == 'h') {
                        for (const char *t = text; *t; t++)
                                buf_printf(out, "%02X", *t == '|' ? 0 : (uint8_t)*t);
                        p++;
                } else {
                        buf_putc(out, *p);
                }
        }
}

/* Every form in which records carry command lines. S3cr3t is 533363723374, mysql -pS3cr3t 6D7973716C202D70533363723374. */
static const struct {
        const char *lines, *text, *shown; /* shown: what the JSON says instead */
} records[] = {
        { "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes auid=0 uid=0 "
          "exe=\"/usr/bin/mysql\" key=(null)\n"
          "type=EXECVE msg=audit(1.000:1): argc=3 a0=\"mysql\" a1=\"-pS3cr3t\" a2=\"db\"\n"
          "type=PROCTITLE msg=audit(1.000:1): proctitle=%h\n",
          "mysql|-pS3cr3t|db", "a0=\\\"mysql\\\" a1=\\\"-p[redacted]\\\" a2=\\\"db\\\"" },
        { "type=EXECVE msg=audit(1.000:1): argc=3 a0=\"sh\" a1=\"-c\" a2=%h\n", "mysql -pS3cr3t 'x y'",
          "a2=6D7973716C202D705B72656461637465645D202778207927" },
        { "type=EXECVE msg=audit(1.000:1): argc=2 a0=\"prog\" a1_len=32 a1[0]=\"--password=S3c\" "
          "a1[1]=\"r3t\" a2=\"x\"\n",
          "", "a1_len=32 a1[0]=\\\"--password=[redacted]\\\" a1[1]=\\\"\\\" a2=\\\"x\\\"" },
        { "type=EXECVE msg=audit(1.000:1): argc=3 a0=\"prog\" a1=\"--password\"\n"
          "type=EXECVE msg=audit(1.000:1): a2_len=9 a2[0]=%h\n"
          "type=EXECVE msg=audit(1.000:1): a2[1]=\"y\" a3=\"last\"\n",
          "S3cr3t ",
          "a2_len=9 a2[0]=\\\"[redacted]\\\"\",\"type=EXECVE msg=audit(1.000:1): a2[1]=\\\"\\\" "
          "a3=\\\"last\\\"" },
        { "type=USER_CMD msg=audit(1.000:1): pid=1 uid=0 auid=0 ses=1 msg='cwd=\"/\" cmd=%h "
          "exe=\"/usr/bin/sudo\" "
          "terminal=pts/0 res=success'\x1dUID=\"root\"\n",
          "mysql -pS3cr3t db", "cmd=6D7973716C202D705B72656461637465645D206462" },
        { "type=USER_CMD msg=audit(1.000:1): pid=1 uid=0 auid=0 ses=1 msg='cwd=\"/\" cmd=\"TOKEN=S3cr3t\" "
          "terminal=? res=failed'\n",
          "", "cmd=\\\"TOKEN=[redacted]\\\"" },
        { "type=PROCTITLE msg=audit(1.000:1): proctitle=%h\n", "curl|-u|a:S3cr3t|http://h",
          "proctitle=6375726C002D7500613A5B72656461637465645D00687474703A2F2F68" },
        { "type=USER msg=audit(1.000:1): pid=1 uid=0 auid=0 ses=1 msg='text=run mysql -pS3cr3t now "
          "exe=\"/usr/sbin/auditctl\" "
          "hostname=? addr=? terminal=? res=success'\n",
          "", "text=run mysql -p[redacted] now exe=" },
        { "type=USER_TTY msg=audit(1.000:1): pid=1 uid=0 auid=0 ses=1 data=%h\n", "sshpass -p S3cr3t ssh h\r",
          "data=" },
        { "type=CONFIG_CHANGE msg=audit(1.000:1): pid=1 auid=0 ses=1 msg='api_token=S3cr3t x=1'\n", "",
          "api_token=[redacted] x=1" },
        { "type=PATH msg=audit(1.000:1): item=0 name=\"/x?password=S3cr3t\" inode=1 nametype=NORMAL\n", "",
          "name=\\\"/x?password=[redacted]\\\"" },
        { "type=EXECVE msg=audit(1.000:1): argc=2 a0=\"mysql\" a1=2d70533363723374\n", "",
          "a1=\\\"-p[redacted]\\\"" },
};

static const RuleInfo rule = { .id = STR_INIT("r"), .title = STR_INIT("TITLE"), .level = RULE_HIGH };

typedef struct {
        Meaning *m;
        const Redact *redact;
        Buf out; /* every form of it */
        size_t n;
} Said;

static void say(void *userdata, const Event *event) {
        Said *said = userdata;
        RuleHit hit = { .rule = &rule, .event = event, .record = event->records };
        Alert *a, *b;
        size_t at;

        assert_int_equal(alert_new(&a, &hit, said->m, said->redact), 0);
        alert_json_records(&said->out, a);
        assert_true(escape_is_utf8(buf_view(&said->out)));
        alert_json(&said->out, a);
        alert_text(&said->out, a, true);
        at = said->out.n;
        assert_int_equal(alert_pack(&said->out, a), 0);
        assert_int_equal(alert_unpack(&b, (Str){ said->out.p + at, said->out.n - at }), 0);
        alert_json_records(&said->out, b);
        alert_unref(b);
        alert_unref(a);
        said->n++;
}

static bool holds(const Buf *out, const char *what) { return memmem(out->p, out->n, what, strlen(what)); }

static void alerts_hold_no_secret(void **state) {
        static const char *const secrets[] = { "S3cr3t", "533363723374", "r3t", "723374" };

        for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
                Said said = { .out = BUF_INIT };
                Buf lines = BUF_INIT;

                expand(&lines, records[i].lines, records[i].text);
                assert_int_equal(meaning_new(&said.m), 0);
                capture_replay_text(buf_z(&lines), say, &said);
                assert_int_equal(said.n, 1);
                for (size_t k = 0; k < ARRAY_SIZE(secrets); k++)
                        if (holds(&said.out, secrets[k]))
                                fail_msg("row %zu: %s", i, buf_z(&said.out));
                if (!holds(&said.out, records[i].shown))
                        fail_msg("row %zu: not \"%s\" in %s", i, records[i].shown, buf_z(&said.out));
                buf_clear(&said.out);
                said.redact = &(Redact){ .off = true };
                capture_replay_text(buf_z(&lines), say, &said);
                assert_false(holds(&said.out, "redacted"));
                buf_done(&lines);
                buf_done(&said.out);
                meaning_free(said.m);
        }
}

/* What was redacted still parses, and to what it should. */
static void sentences_are_made_of_what_is_left(void **state) {
        Said said = { .out = BUF_INIT };
        Buf lines = BUF_INIT;

        expand(&lines, records[0].lines, records[0].text);
        assert_int_equal(meaning_new(&said.m), 0);
        capture_replay_text(buf_z(&lines), say, &said);
        assert_true(holds(&said.out, "\"sentence\":\"root ran \\\"mysql -p[redacted] db\\\"\""));
        assert_true(holds(&said.out, "\"object\":\"mysql -p[redacted] db\""));
        buf_done(&lines);
        buf_done(&said.out);
        meaning_free(said.m);
}

/* Each of these is quadratic when done in the obvious way; under that, this takes minutes. */
static void hostile_text_takes_linear_time(void **state) {
        static const char *const parts[] = {
                "password=", "password=\"", "password='\\\"",  "://",
                "a:b@://",   "'\"",         "Authorization: ", "PRIVATE KEY-----",
                "-p ",       "mysql -p'",   "\"'\\",           "ghp_",
                "a=b:",      "$(`;",        "--token ",        "-----END ",
                "eyJ.",      "\\\""
        };

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                Buf text = BUF_INIT, clean = BUF_INIT;

                while (text.n < 1u << 20)
                        buf_putz(&text, parts[i]);
                redact_line(NULL, buf_view(&text), &clean);
                buf_clear(&clean);
                redact_words(NULL, buf_view(&text), &clean);
                buf_done(&text);
                buf_done(&clean);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_lose_their_secrets),
                cmocka_unit_test(lines_lose_their_secrets),
                cmocka_unit_test(alerts_hold_no_secret),
                cmocka_unit_test(sentences_are_made_of_what_is_left),
                cmocka_unit_test(hostile_text_takes_linear_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
