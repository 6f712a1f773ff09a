/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mail-on-key KEY ADDRESS: mails each event that an audit rule with that key made. A plugin of auditd. */
#include <aulert/plugin.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void on_event(void *userdata, AulertEvent *event) { /* no shell: key and address are only words */
        char **argv = userdata;
        AulertText sentence, text;
        int mail;

        if (aulert_event_has_key(event, argv[1]) <= 0 || aulert_event_sentence(event, &sentence) < 0 ||
            aulert_event_text(event, &text) < 0 || (mail = memfd_create("mail", MFD_CLOEXEC)) < 0)
                return;
        dprintf(mail, "To: %s\nSubject: audit key %s\nContent-Type: text/plain; charset=utf-8\n\n%s\n\n%s",
                argv[2], argv[1], sentence.data, text.data);
        lseek(mail, 0, SEEK_SET);
        if (aulert_plugin_fork(60) == 0) {
                dup2(mail, STDIN_FILENO);
                execl("/usr/sbin/sendmail", "sendmail", "-i", "--", argv[2], (char *)NULL);
                _exit(127);
        }
        close(mail);
}

int main(int argc, char **argv) {
        AulertPlugin plugin = { .size = sizeof(plugin), .event = on_event, .userdata = argv };

        if (argc != 3 || strpbrk(argv[1], "\r\n") || strpbrk(argv[2], "\r\n"))
                return fputs("usage: mail-on-key KEY ADDRESS\n", stderr) < 0 ? 3 : 2;
        return aulert_plugin_run(&plugin) < 0 ? 3 : 0;
}
