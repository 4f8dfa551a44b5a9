/* Certificates for the tests of proto/: made by deploy/make-certs in a temporary directory, once
 * for each program, and removed at its end. Only test programs include this. */
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "proto/rpc.h"

static char pki_dir[64];

/* Run a program and wait; its standard output is dropped. */
static inline int pki_run(const char *const *argv)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        char *copy[16];
        size_t n = 0;
        for (; argv[n] && n < 15; n++)
            copy[n] = strdup(argv[n]);
        copy[n] = NULL;
        if (!freopen("/dev/null", "w", stdout))
            _exit(126);
        execvp(copy[0], copy);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void pki_make(const char *what, const char *dir, const char *cluster,
                            const char *name)
{
    char path[128];
    const char *argv[] = {"deploy/make-certs", what, path, cluster, name, NULL};

    STR_PRINTF(path, "%s/%s", pki_dir, dir);
    if (pki_run(argv) != 0) {
        fprintf(stderr, "deploy/make-certs failed: run this from the top directory\n");
        exit(1);
    }
}

static inline void pki_remove(void)
{
    const char *argv[] = {"rm", "-rf", pki_dir, NULL};

    pki_run(argv);
}

/* our/: the CA of cluster ia2 with two agents, a controller and a monitor, and what only a careless
 * administrator would sign with it; other/: another CA, whose certificates bear the same names */
static inline int pki_setup(void **state)
{
    (void)state;
    STR_COPY(pki_dir, "/tmp/pgtandem-test-XXXXXX");
    if (!mkdtemp(pki_dir))
        return -1;
    pki_make("init", "our", "ia2", NULL);
    pki_make("controller", "our", "ia2", "ctl");
    pki_make("monitor", "our", "ia2", "mon");
    pki_make("agent", "our", "ia2", "db01");
    pki_make("agent", "our", "ia2", "db02");
    pki_make("controller", "our", "elsewhere", "foreign");
    pki_make("agent", "our", "elsewhere", "foreign");
    pki_make("init", "other", "ia2", NULL);
    pki_make("controller", "other", "ia2", "ctl");
    pki_make("agent", "other", "ia2", "db01");
    return 0;
}

static inline int pki_teardown(void **state)
{
    (void)state;
    pki_remove();
    return 0;
}

static inline struct tls_files pki_files(const char *dir, const char *stem)
{
    struct tls_files f;

    STR_PRINTF(f.ca, "%s/%s/ca.crt", pki_dir, dir);
    STR_PRINTF(f.certificate, "%s/%s/%s.crt", pki_dir, dir, stem);
    STR_PRINTF(f.key, "%s/%s/%s.key", pki_dir, dir, stem);
    return f;
}

/* A context, or the end of the test program. */
static inline struct tls_context *pki_context(const char *dir, const char *stem,
                                              const char *cluster, enum peer_role role,
                                              const char *node)
{
    struct tls_files f = pki_files(dir, stem);
    struct tls_context *c = NULL;
    struct err e;

    if (tls_context_new(&f, cluster, role, node, &c, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        abort();
    }
    return c;
}

static inline FILE *pki_open(const char *dir, const char *file, const char *mode)
{
    char path[128];
    FILE *f;

    STR_PRINTF(path, "%s/%s/%s", pki_dir, dir, file);
    f = fopen(path, mode);
    if (!f)
        abort();
    return f;
}

/* Sign `stem`.crt anew, as `ret_stem`.crt with the same key: valid between other dates (seconds
 * from now), and with other alternative names unless `names` is NULL. */
static inline void pki_resign(const char *stem, const char *ret_stem, long from_s, long until_s,
                              const char *names)
{
    char name[64];
    FILE *f;

    STR_PRINTF(name, "%s.crt", stem);
    f = pki_open("our", name, "r");
    X509 *certificate = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    f = pki_open("our", "ca.key", "r");
    EVP_PKEY *ca = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until_s);
    if (names) {
        int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
        X509_EXTENSION_free(X509_delete_ext(certificate, at));
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
        if (*names && (!e || !X509_add_ext(certificate, e, -1)))
            abort();
        X509_EXTENSION_free(e);
    }
    if (!X509_sign(certificate, ca, EVP_sha256()))
        abort();
    STR_PRINTF(name, "%s.crt", ret_stem);
    f = pki_open("our", name, "w");
    PEM_write_X509(f, certificate);
    fclose(f);
    X509_free(certificate);
    EVP_PKEY_free(ca);

    char old_key[128], new_key[128];
    STR_PRINTF(old_key, "%s/our/%s.key", pki_dir, stem);
    STR_PRINTF(new_key, "%s/our/%s.key", pki_dir, ret_stem);
    if (link(old_key, new_key) < 0)
        abort();
}
