#include "tests/support/house.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

bool house_installed(void)
{
    return system("command -v clickhouse-server >/dev/null 2>&1") == 0;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        abort();
    close(fd);
    return ntohs(a.sin_port);
}

void house_make(struct house *h)
{
    *h = (struct house){.http = free_port(), .tcp = free_port()};
    temp_dir_make(&h->dir);
}

static void write_config(const struct house *h)
{
    char path[400], shards[600] = "";
    const char *d = h->dir.path;
    if (h->other)
        snprintf(shards, sizeof shards,
                 "<remote_servers><both><shard><replica><host>127.0.0.1</host><port>%d</port></replica></shard><shard><replica>"
                 "<host>127.0.0.1</host><port>%d</port></replica></shard></both></remote_servers>", h->tcp, h->other);
    snprintf(path, sizeof path, "%s/config.xml", d);
    FILE *f = fopen(path, "we");
    if (!f)
        abort();
    fprintf(f, "<yandex><logger><level>warning</level><log>%s/log</log><errorlog>%s/err</errorlog></logger><http_port>%d</http_port>"
               "<tcp_port>%d</tcp_port><listen_host>127.0.0.1</listen_host><path>%s/data/</path><tmp_path>%s/tmp/</tmp_path>"
               "<users_config>%s/users.xml</users_config><default_profile>default</default_profile><default_database>default"
               "</default_database><mark_cache_size>100000000</mark_cache_size><keep_alive_timeout>10</keep_alive_timeout>%s</yandex>",
            d, d, h->http, h->tcp, d, d, d, shards);
    fclose(f);
    snprintf(path, sizeof path, "%s/users.xml", d);
    f = fopen(path, "we");
    if (!f)
        abort();
    fprintf(f, "<yandex><profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles><users><default><password>"
               "</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>"
               "<quotas><default></default></quotas></yandex>");
    fclose(f);
}

static int dial(const struct house *h)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)h->http)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

bool house_start(struct house *h)
{
    char config[420];
    write_config(h);
    snprintf(config, sizeof config, "--config-file=%s/config.xml", h->dir.path);
    h->pid = fork();
    if (h->pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (chdir(h->dir.path) == 0)
            execlp("clickhouse-server", "clickhouse-server", config, (char *)NULL);
        _exit(127);
    }
    struct kt_buf out;
    kt_buf_init(&out, 4096);
    bool up = false;
    for (int i = 0; i < 600 && !up && waitpid(h->pid, NULL, WNOHANG) == 0; i++) {
        int fd = dial(h);
        if (fd >= 0) {
            close(fd);
            up = house_ask(h, "SELECT 1", KT_SPAN_NONE, &out);
        }
        if (!up)
            nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL); /* between looks */
    }
    kt_buf_free(&out);
    return up;
}

void house_kill(struct house *h)
{
    if (h->pid > 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    h->pid = 0;
}

void house_remove(struct house *h)
{
    house_kill(h);
    temp_dir_remove(&h->dir);
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* HTTP/1.0: the answer ends with the connection. */
bool house_ask(const struct house *h, const char *query, struct kt_span data, struct kt_buf *out)
{
    char head[200], piece[16384];
    ssize_t n;
    int fd = dial(h);
    kt_buf_reset(out);
    if (fd < 0)
        return false;
    snprintf(head, sizeof head, "POST / HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n", strlen(query) + 1 + data.n);
    bool sent = send_all(fd, head, strlen(head)) && send_all(fd, query, strlen(query)) && send_all(fd, "\n", 1) &&
                (!data.n || send_all(fd, data.p, data.n));
    while (sent && (n = recv(fd, piece, sizeof piece, 0)) > 0)
        kt_buf_add(out, piece, (size_t)n);
    close(fd);
    bool good = strncmp(kt_buf_str(out), "HTTP/1.0 200", 12) == 0 || strncmp(kt_buf_str(out), "HTTP/1.1 200", 12) == 0;
    const char *body = strstr(kt_buf_str(out), "\r\n\r\n");
    if (body)
        kt_buf_drop(out, (size_t)(body + 4 - kt_buf_str(out)));
    return sent && good;
}
