/* What a regular expression cannot match without: a run of plain characters
 * that every match has, so that most texts need not be put to it at all.
 *
 * The expression is read from left to right, outside of groups and classes;
 * whatever is not surely understood ends the run or gives the search up. */
#include "detect/rule.h"

struct run {
    size_t from, n; /* in the text of literals */
};

struct search {
    struct kt_span re;
    size_t at;
    char *text;
    size_t n;      /* of text */
    size_t from;   /* where the run that goes on begins */
    struct run best;
    bool caseless;
};

static void end_run(struct search *s)
{
    if (s->n - s->from > s->best.n)
        s->best = (struct run){s->from, s->n - s->from};
    s->from = s->n;
}

/* Without case, K and S have partners beyond ASCII (U+212A, U+017F), and so
 * has what is beyond ASCII. */
static void literal(struct search *s, char c)
{
    if (s->caseless && (strchr("kKsS", c) || (c & 0x80))) {
        end_run(s);
        return;
    }
    s->text[s->n++] = c;
}

/* What stands before a quantifier need not be there: all bytes of the last
 * code point go. */
static void take_back(struct search *s)
{
    while (s->n > s->from && ((unsigned char)s->text[s->n - 1] & 0xc0) == 0x80)
        s->n--;
    if (s->n > s->from)
        s->n--;
    end_run(s);
}

static bool escape(struct search *s)
{
    char c = s->at + 1 < s->re.n ? s->re.p[s->at + 1] : '\0';
    s->at += 2;
    if (!c || (c & 0x80))
        return false;
    bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!word)
        literal(s, c);
    else if (strchr("dDwWsSbBAzZhHvVRnrtfea", c))
        end_run(s);
    else
        return false; /* \x41, \Q, \1 and others that go on */
    return true;
}

/* [a-z], [^]...], [[:alpha:]...] */
static bool skip_class(struct search *s)
{
    struct kt_span re = s->re;
    size_t i = s->at + 1;
    end_run(s);
    if (i < re.n && re.p[i] == '^')
        i++;
    if (i < re.n && re.p[i] == ']')
        i++;
    for (; i < re.n && re.p[i] != ']'; i++) {
        if (re.p[i] == '\\') {
            if (i + 1 < re.n && (re.p[i + 1] == 'Q' || re.p[i + 1] == 'E'))
                return false;
            i++;
        } else if (re.p[i] == '[' && i + 1 < re.n && strchr(":.=", re.p[i + 1])) {
            return false;
        }
    }
    s->at = i + 1;
    return i < re.n;
}

static bool skip_group(struct search *s)
{
    int depth = 0;
    end_run(s);
    do {
        char c = s->re.p[s->at], next = s->at + 1 < s->re.n ? s->re.p[s->at + 1] : '\0';
        if (c == '(' && (next == '?' || next == '*'))
            return false;
        if (c == '\\' && (next == 'Q' || next == 'E'))
            return false;
        if (c == '[') {
            if (!skip_class(s))
                return false;
            continue;
        }
        depth += (c == '(') - (c == ')');
        s->at += c == '\\' ? 2 : 1;
    } while (depth > 0 && s->at < s->re.n);
    return depth == 0;
}

/* {2}, {2,}, {,3}; what else begins with { is a plain one, perhaps. */
static void brace(struct search *s)
{
    size_t i = s->at + 1;
    take_back(s);
    while (i < s->re.n && strchr("0123456789, ", s->re.p[i]))
        i++;
    s->at = i < s->re.n && s->re.p[i] == '}' ? i + 1 : s->at + 1;
}

static bool step(struct search *s)
{
    char c = s->re.p[s->at];
    switch (c) {
    case '|': return false;
    case '\\': return escape(s);
    case '[': return skip_class(s);
    case '(': return skip_group(s);
    case ')': return false;
    case '{': brace(s); return true;
    case '*':
    case '?':
        take_back(s);
        break;
    case '+':
    case '.':
    case '^':
    case '$':
    case '\0':
        end_run(s);
        break;
    default: literal(s, c);
    }
    s->at++;
    return true;
}

struct kt_span regex_literal(struct kt_span re, bool caseless, char *text)
{
    struct search s = {.re = re, .text = text, .caseless = caseless};
    while (s.at < re.n)
        if (!step(&s))
            return (struct kt_span){text, 0};
    end_run(&s);
    return (struct kt_span){text + s.best.from, s.best.n};
}
