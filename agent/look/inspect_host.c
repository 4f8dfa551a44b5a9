/* Directories, the server's certificate, and what the other parts share. */
#include <gnu/libc-version.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "agent/look/inspect_parts.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"

enum { PATH_BYTES = 512, CERTIFICATE_CAP_BYTES = 256 * 1024 };

/* ---- shared ---------------------------------------------------------------------------------- */

const char *inspect_setting_value(const struct inspect *i, const char *name)
{
    for (size_t n = 0; n < i->n_settings; n++)
        if (strcmp(i->settings[n].name, name) == 0)
            return i->settings[n].value;
    return "";
}

void inspect_hash(const char *text, char ret_hash[17])
{
    char hex[SHA256_HEX_BYTES] = "0000000000000000";

    (void)sha256_hex(text, strlen(text), hex);
    str_printf(ret_hash, 17, "%.16s", hex);
}

void inspect_add_text(struct inspect_text *rows, size_t *n, size_t max, const char *text)
{
    struct inspect_text *row = rows + *n;
    char hash[17];

    if (*n == max)
        return;
    ++*n;
    if (STR_COPY(row->text, text))
        return;
    inspect_hash(text, hash);
    str_printf(row->text, sizeof(row->text), "%.130s… %s", text, hash);
}

/* ---- mounts ---------------------------------------------------------------------------------- */

static void look_at(struct inspect_mount *m, dev_t data_device)
{
    struct stat st;
    struct statvfs fs;

    m->free_bytes = -1;
    m->present = stat(m->path, &st) == 0 && S_ISDIR(st.st_mode);
    if (!m->present)
        return;
    m->separate = st.st_dev != data_device;
    if (statvfs(m->path, &fs) == 0)
        m->free_bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
}

static void add_mount(struct inspect *i, const char *name, const char *path)
{
    if (i->n_mounts == sizeof(i->mounts) / sizeof(i->mounts[0]))
        return;
    STR_COPY(i->mounts[i->n_mounts].name, name);
    STR_COPY(i->mounts[i->n_mounts].path, path);
    i->n_mounts++;
}

void inspect_mounts(const struct postgres_config *c, struct inspect *i)
{
    char wal[PATH_BYTES];
    struct stat data = {0};

    STR_PRINTF(i->libc, "glibc %s", gnu_get_libc_version());
    STR_PRINTF(wal, "%s/pg_wal", c->data_directory);
    add_mount(i, "data", c->data_directory);
    add_mount(i, "wal", wal);
    (void)stat(c->data_directory, &data);
    for (size_t n = 0; n < i->n_mounts; n++)
        look_at(&i->mounts[n], data.st_dev);
}

/* ---- the certificate that clients see -------------------------------------------------------- */

static void take_names(X509 *x, struct inspect *i)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    struct buf b;

    buf_init(&b, sizeof(i->certificate_names) - 1);
    for (int n = 0; n < sk_GENERAL_NAME_num(names); n++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, n);

        if (name->type == GEN_DNS)
            buf_printf(&b, "%s%.*s", b.len ? "," : "", ASN1_STRING_length(name->d.dNSName),
                       (const char *)ASN1_STRING_get0_data(name->d.dNSName));
    }
    STR_COPY(i->certificate_names, b.data);
    buf_free(&b);
    GENERAL_NAMES_free(names);
}

static void take_certificate(X509 *x, const char *alias, struct inspect *i)
{
    struct tm until;

    take_names(x, i);
    i->certificate_covers_alias = X509_check_host(x, alias, 0, 0, NULL) == 1;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &until) == 1)
        i->certificate_until_ms = (int64_t)timegm(&until) * 1000;
}

void inspect_certificate(const struct postgres_config *c, const char *alias, struct inspect *i)
{
    const char *file = inspect_setting_value(i, "ssl_cert_file");
    char path[PATH_BYTES], *text;
    size_t len;
    struct err e;
    AUTO(arena) a = arena_new();

    if (strcmp(inspect_setting_value(i, "ssl"), "on") != 0)
        return;
    STR_PRINTF(path, "%s%s%s", file[0] == '/' ? "" : c->data_directory, file[0] == '/' ? "" : "/",
               file);
    if (file_read(path, CERTIFICATE_CAP_BYTES, a, &text, &len, &e) < 0) {
        STR_COPY(i->certificate_problem, e.msg);
        return;
    }
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    if (x)
        take_certificate(x, alias, i);
    else
        STR_PRINTF(i->certificate_problem, "%.120s holds no certificate", path);
    X509_free(x);
    BIO_free(bio);
}
