/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>
#include <linux/atm.h>
#include <linux/ax25.h>
#include <linux/x25.h>
#include "meaning/decode.h"
#include "meaning/saddr.h"

static void put_ax25(Buf *out, const SocketAddress *a) {
        struct sockaddr_ax25 x;

        memcpy(&x, a->bytes, sizeof(x));
        BUF_LIT(out, " call=");
        buf_put(out, x.sax25_call.ax25_call, sizeof(x.sax25_call.ax25_call));
}

static void put_atmpvc(Buf *out, const SocketAddress *a) {
        struct sockaddr_atmpvc x;

        memcpy(&x, a->bytes, sizeof(x));
        buf_printf(out, " int=%d", x.sap_addr.itf);
}

static void put_x25(Buf *out, const SocketAddress *a) {
        struct sockaddr_x25 x;

        memcpy(&x, a->bytes, sizeof(x));
        buf_printf(out, " laddr=%.15s", x.sx25_addr.x25_addr);
}

static void put_rest(Buf *out, const SocketAddress *a) {
        switch (a->family) {
        case AF_AX25: put_ax25(out, a); break;
        case AF_ATMPVC: put_atmpvc(out, a); break;
        case AF_X25: put_x25(out, a); break;
        default: BUF_LIT(out, " (unsupported)");
        }
}

static void put_short(Buf *out, const SocketAddress *a) {
        const char *what = a->family == AF_INET6 ? "sockaddr6 " : a->family == AF_NETLINK ? "" : "sockaddr ";

        buf_printf(out, " %slen too short", what);
}

static void put_form(Buf *out, const SocketAddress *a) {
        switch (a->form) {
        case SADDR_INET:
                BUF_LIT(out, " laddr=");
                buf_putz(out, a->address);
                BUF_LIT(out, " lport=");
                buf_u64(out, a->port);
                break;
        case SADDR_UNIX:
                BUF_LIT(out, " path=");
                buf_put(out, a->path, a->n_path);
                break;
        case SADDR_NETLINK: buf_printf(out, " nlnk-fam=%u nlnk-pid=%u", a->family, a->pid); break;
        case SADDR_SHORT: put_short(out, a); break;
        case SADDR_NONE: put_rest(out, a); break;
        }
}

bool saddr_text(Buf *out, Str hex) {
        size_t start = out->n;
        SocketAddress a;

        if (decode_saddr(hex, &a) || a.family == AF_IPX) /* it depends on how the library was built */
                return false;
        if (!a.family_name) {
                BUF_LIT(out, "unknown-family(");
                buf_u64(out, a.family);
                BUF_LIT(out, ")");
                return true;
        }
        BUF_LIT(out, "{ saddr_fam=");
        buf_putz(out, a.family_name);
        put_form(out, &a);
        BUF_LIT(out, " }");
        if (out->n > start)
                out->n =
                        start + strnlen(out->p + start, out->n - start); /* a call sign with a NUL ends all */
        return true;
}
