#include "agent/postgres/pgtcp.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 32768, ANSWERS_MAX = 1000 };

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 ask;
};

static bool ask(int fd, int family, int64_t local_port)
{
    struct question q = {
        .head = {.nlmsg_len = sizeof(q),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .ask = {.sdiag_family = (uint8_t)family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_ext = 1U << (INET_DIAG_INFO - 1),
                .idiag_states = 1U << TCP_ESTABLISHED,
                .id = {.idiag_sport = htons((uint16_t)local_port)}},
    };

    return send(fd, &q, sizeof(q), MSG_NOSIGNAL) == (ssize_t)sizeof(q);
}

static struct pgtcp *whose(const struct inet_diag_msg *m, struct pgtcp *list, size_t n)
{
    char address[INET6_ADDRSTRLEN];

    if (!inet_ntop(m->idiag_family, m->id.idiag_dst, address, sizeof(address)))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (list[i].port == ntohs(m->id.idiag_dport) && strcmp(list[i].address, address) == 0)
            return &list[i];
    return NULL;
}

static void take_info(struct pgtcp *t, const char *data, size_t bytes)
{
    struct tcp_info info = {0};

    memcpy(&info, data, bytes < sizeof(info) ? bytes : sizeof(info));
    t->known = true;
    t->heard_ms = info.tcpi_last_data_recv;
    /* what was sent within the last round trip is in every healthy connection */
    t->unanswered &= info.tcpi_retransmits > 0 || info.tcpi_probes > 0;
}

static void take_socket(const struct nlmsghdr *h, struct pgtcp *list, size_t n)
{
    const void *body = (const char *)h + NLMSG_HDRLEN;
    const struct inet_diag_msg *m = body;
    size_t at = NLMSG_LENGTH(sizeof(*m));
    struct pgtcp *t = h->nlmsg_len >= at ? whose(m, list, n) : NULL;
    struct rtattr attribute;

    if (!t)
        return;
    t->unanswered = m->idiag_wqueue > 0;
    for (; at + sizeof(attribute) <= h->nlmsg_len; at += RTA_ALIGN(attribute.rta_len)) {
        memcpy(&attribute, (const char *)h + at, sizeof(attribute));
        if (attribute.rta_len < sizeof(attribute) || at + attribute.rta_len > h->nlmsg_len)
            return;
        if (attribute.rta_type == INET_DIAG_INFO)
            take_info(t, (const char *)h + at + sizeof(attribute),
                      attribute.rta_len - sizeof(attribute));
    }
}

/* True: the kernel's answer is complete. */
static bool read_answers(int fd, struct pgtcp *list, size_t n)
{
    union {
        struct nlmsghdr head;
        char bytes[ANSWER_BYTES];
    } b;

    for (int i = 0; i < ANSWERS_MAX; i++) {
        ssize_t got = recv(fd, b.bytes, sizeof(b.bytes), MSG_DONTWAIT);
        unsigned len = got > 0 ? (unsigned)got : 0;

        if (got <= 0)
            return false;
        for (struct nlmsghdr *h = &b.head; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
            if (h->nlmsg_type == NLMSG_DONE)
                return true;
            if (h->nlmsg_type == NLMSG_ERROR)
                return false;
            take_socket(h, list, n);
        }
    }
    return false;
}

bool pgtcp_look(int64_t local_port, struct pgtcp *list, size_t n)
{
    static const int families[] = {AF_INET, AF_INET6};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    bool told = fd >= 0;

    for (size_t i = 0; i < n; i++)
        list[i].known = false;
    for (size_t i = 0; i < 2 && told; i++)
        told = ask(fd, families[i], local_port) && read_answers(fd, list, n);
    if (fd >= 0)
        close(fd);
    if (!told)
        for (size_t i = 0; i < n; i++)
            list[i].known = false;
    return told;
}
