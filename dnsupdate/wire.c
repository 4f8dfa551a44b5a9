#include "dnsupdate/wire.h"

#include <string.h>

#include "base/buf.h"

enum { TYPE_TSIG = 250, POINTER_HOPS_MAX = 64 };

uint16_t wire_get16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

uint32_t wire_get32(const uint8_t *p)
{
    return (uint32_t)wire_get16(p) << 16 | wire_get16(p + 2);
}

void wire_put16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

bool wire_add(struct message *m, const void *bytes, size_t len)
{
    if (len > sizeof(m->bytes) - m->len)
        return false;
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
    return true;
}

bool wire_add16(struct message *m, uint16_t value)
{
    uint8_t b[2];

    wire_put16(b, value);
    return wire_add(m, b, sizeof(b));
}

bool wire_add48(struct message *m, uint64_t value)
{
    uint8_t b[6];

    for (size_t i = 0; i < sizeof(b); i++)
        b[i] = (uint8_t)(value >> (8 * (sizeof(b) - 1 - i)));
    return wire_add(m, b, sizeof(b));
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool wire_name_normal(const char *name, char ret_name[WIRE_NAME_BYTES])
{
    size_t len = strlen(name);

    if (len > 1 && name[len - 1] == '.')
        len--;
    if (len >= WIRE_NAME_BYTES)
        return false;
    for (size_t i = 0; i < len; i++)
        ret_name[i] = lower(name[i]);
    ret_name[len] = '\0';
    return true;
}

static bool letter_valid(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool wire_name_valid(const char *name)
{
    size_t label = 0;

    for (const char *p = name; *p; p++) {
        if (*p == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!letter_valid(*p) || ++label > 63) {
            return false;
        }
    }
    return label > 0 && strlen(name) <= 253;
}

bool wire_name_in_zone(const char *name, const char *zone)
{
    size_t n = strlen(name), z = strlen(zone);

    if (n < z || strcmp(name + n - z, zone) != 0)
        return false;
    return n == z || name[n - z - 1] == '.';
}

bool wire_add_name(struct message *m, const char *name)
{
    struct message before = {.len = m->len};
    const char *p = name;
    bool ok = wire_name_valid(name);

    while (ok && *p) {
        size_t len = strcspn(p, ".");
        uint8_t label[64];

        label[0] = (uint8_t)len;
        for (size_t i = 0; i < len; i++)
            label[1 + i] = (uint8_t)lower(p[i]);
        ok = wire_add(m, label, 1 + len);
        p += len + (p[len] == '.');
    }
    ok = ok && wire_add(m, "", 1);
    if (!ok)
        m->len = before.len;
    return ok;
}

/* Append one label to the text; a byte that would need escaping makes the name unusable for us. */
static bool label_text(const uint8_t *label, size_t len, char *name, size_t *used)
{
    if (*used + len + 1 >= WIRE_NAME_BYTES)
        return false;
    if (*used)
        name[(*used)++] = '.';
    for (size_t i = 0; i < len; i++) {
        char c = (char)label[i];

        if (c <= ' ' || c > '~' || c == '.' || c == '\\')
            return false;
        name[(*used)++] = lower(c);
    }
    return true;
}

bool wire_name(const uint8_t *wire, size_t len, size_t *offset, char ret_name[WIRE_NAME_BYTES])
{
    char name[WIRE_NAME_BYTES];
    size_t at = *offset, behind = 0, used = 0;
    int hops = 0;

    for (;;) {
        if (at >= len)
            return false;
        uint8_t c = wire[at];
        if (c == 0) {
            at++;
            break;
        }
        if ((c & 0xc0) == 0xc0) {
            if (at + 2 > len || ++hops > POINTER_HOPS_MAX)
                return false;
            if (!behind)
                behind = at + 2;
            at = wire_get16(wire + at) & 0x3fffu;
            continue;
        }
        if (c > 63 || at + 1u + c > len || !label_text(wire + at + 1, c, name, &used))
            return false;
        at += 1u + c;
    }
    name[used] = '\0';
    memcpy(ret_name, name, used + 1);
    *offset = behind ? behind : at;
    return true;
}

/* Move *at behind the name; its text does not matter, so any byte will do. */
static bool skip_name(const uint8_t *wire, size_t len, size_t *at)
{
    while (*at < len) {
        uint8_t c = wire[*at];

        if (c == 0) {
            *at += 1;
            return true;
        }
        if ((c & 0xc0) == 0xc0) {
            *at += 2;
            return *at <= len;
        }
        if (c > 63)
            return false;
        *at += 1u + c;
    }
    return false;
}

static bool skip_record(const uint8_t *wire, size_t len, size_t *at, uint16_t *ret_type)
{
    if (!skip_name(wire, len, at) || len - *at < 10)
        return false;
    *ret_type = wire_get16(wire + *at);
    *at += 10u + wire_get16(wire + *at + 8);
    return *at <= len;
}

bool wire_walk(const uint8_t *wire, size_t len, struct wire_map *ret_map)
{
    struct wire_map map = {.tsig_start = len};
    size_t at = WIRE_HEADER_BYTES;

    if (len < WIRE_HEADER_BYTES)
        return false;
    map.id = wire_get16(wire);
    map.qr = wire[2] & 0x80;
    map.opcode = (wire[2] >> 3) & 15;
    map.aa = wire[2] & 4;
    map.tc = wire[2] & 2;
    map.rcode = wire[3] & 15;
    map.questions = wire_get16(wire + 4);
    for (unsigned i = 0; i < map.questions; i++) {
        if (!skip_name(wire, len, &at) || len - at < 4)
            return false;
        at += 4;
    }
    map.question_end = at;
    unsigned records = (unsigned)wire_get16(wire + 6) + wire_get16(wire + 8);
    unsigned total = records + wire_get16(wire + 10);
    for (unsigned i = 0; i < total; i++) {
        size_t start = at;
        uint16_t type;

        if (!skip_record(wire, len, &at, &type))
            return false;
        if (type == TYPE_TSIG) {
            if (i + 1 != total || i < records)
                return false; /* RFC 8945, 5.1: the last of the additional section */
            map.has_tsig = true;
            map.tsig_start = start;
        }
    }
    if (at != len)
        return false;
    *ret_map = map;
    return true;
}
