#include "source/asker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { GOODBYE_MS = 1000, LOOK_MS = 50 };

enum kt_code asker_open(struct asker *s, struct kt_aws *aws, const struct asker_who *who, struct kt_err *e)
{
    char room[64];
    bool named;
    *s = (struct asker){.aws = aws, .gap_ms = who->gap_ms};
    snprintf(s->profile, sizeof s->profile, "%s", kt_aws_profile(aws, who->profile, &named));
    const char *r = kt_aws_region(aws, who->region, s->profile, room, sizeof room);
    if (!r)
        return kt_fail(e, KT_EUSAGE, "%s: in which Region? add ?region=REGION, or --region", who->scheme);
    snprintf(s->region, sizeof s->region, "%s", r);
    enum kt_code code = kt_aws_endpoint(aws, who->service, r, s->profile, &s->endpoint, e);
    if (code == KT_OK)
        code = kt_net_new(&s->net, &(struct kt_net_opts){kt_aws_env(aws, "AWS_CA_BUNDLE")}, e);
    if (code == KT_OK)
        code = kt_creds_new(&s->base, aws, s->net, who->profile, s->region, e);
    if (code == KT_OK && who->role)
        code = kt_creds_role(&s->creds, s->base, who->role, who->external, s->region, e);
    else if (code == KT_OK)
        s->creds = kt_creds_share(s->base);
    if (code != KT_OK)
        return code;
    s->pace = kt_aws_pace(aws, who->scheme, who->role ? who->role : s->profile, s->region);
    ask_init(&s->ask, aws, s->net, s->creds, who->body_max);
    s->open = true;
    return s->pace ? KT_OK : kt_fail(e, KT_ENOMEM, "out of memory");
}

void asker_close(struct asker *s)
{
    if (s->open)
        ask_free(&s->ask);
    kt_creds_free(s->creds);
    kt_creds_free(s->base);
    kt_net_free(s->net);
    *s = (struct asker){0};
}

void asker_say(struct asker *s, const char *target, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    ask_start(&s->ask, &(struct kt_aws_request){.endpoint = &s->endpoint,
                                                .content_type = "application/x-amz-json-1.1",
                                                .body = kt_span_of(text ? text : "{}"),
                                                .pace = s->pace,
                                                .gap_ms = s->gap_ms});
    snprintf(s->ask.target, sizeof s->ask.target, "%s", target);
    free(text);
    json_decref(body);
}

void asker_last_word(struct asker *s)
{
    int64_t until = kt_mono_ms() + GOODBYE_MS;
    while (!ask_poll(&s->ask) && kt_mono_ms() < until) {
        int fd = -1;
        int64_t at = 0;
        if (!kt_net_wait(s->net, &fd, &at))
            break;
        struct pollfd p = {fd, POLLIN, 0};
        (void)poll(&p, fd >= 0, LOOK_MS);
    }
    ask_end(&s->ask);
}
