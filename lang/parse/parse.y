/* The grammar: structure only. Actions call constructors; meaning is checked on the tree.
 *
 * Every word of word.def is a token. Where a name must be, `word` also takes any keyword that is not reserved; where
 * a name is optional beside keywords only NAME is taken (constants, the only names in such places, are never
 * keywords). tokens.c puts an NL at the end of every statement without a block, also before `}` and at the end of
 * the file. */
%define api.pure full
%define api.token.raw
%define api.prefix {yy}
%define api.header.include {"lang/lex/tokens.tab.h"}
%define api.location.type {struct span}
%define parse.lac full
%define parse.error custom
%locations
%expect 0
%parse-param {struct parser *p}
%lex-param {struct parser *p}

%code requires {
#include "lang/lex/lex.h"
}

%code provides {
int yylex(YYSTYPE *value, struct span *span, struct parser *p);
}

%code {
#include <stdlib.h>

#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

#define YYLLOC_DEFAULT(cur, rhs, n)                                              \
    do {                                                                         \
        if (n)                                                                   \
            (cur) = span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n));               \
        else                                                                     \
            (cur) = (struct span){ YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end }; \
    } while (0)

static void yyerror(const struct span *span, struct parser *p, const char *msg);
static struct str text_of(const struct parser *p, struct span span)
{
    return (struct str){p->text + span.start, span.end - span.start};
}
}

%union {
    struct node *node;
    struct str str;
    struct { unsigned count; struct span second; } nots;
    int i;
}

/* punctuation */
%token NL "a new line" LBRACE "{" RBRACE "}" LPAREN "(" RPAREN ")"
%token COMMA "," EQ "=" ARROW "->" MAPS_TO "<->" COLON ":" GE ">=" DASH "-"
/* values; the lexer has built their nodes */
%token <node> INT "a number" RANGE "a range" ADDR "an address" PREFIX "a prefix" ADDR_RANGE "an address range"
%token <node> ENDPOINT "an address with a port" ENDPOINT_RANGE "an address range with a port" STRING "a string" BYTES "hex bytes" PERCENT "a percentage"
%token <node> STATUS "a status class" DURATION "a duration" RATE "a rate" BANDWIDTH "a bandwidth" SIZE "a size"
%token <node> COLON_WORD "a ratio or time" COLON_RANGE "a range of times" DATE "a date"
%token <str> SLASHED "a pair such as tcp/443 or POOL/SERVER" SLASH_LEN "a prefix length" NAME "a name"
/* words from word.def: the last tokens */
%token <str> @WORDS@

%type <node> item simple block
%type <str> word word_not_port word_not_file keyword
%type <node> name literal scalar scalars scalar_list elem elem_not_port list elems to_list to_elems iface ifaces codes
%type <nots> nots
%type <node> set_expr set_atom live live_opts live_opt
%type <i> set_operator
%type <node> meter_opts meter_opt per per_opt days day date_time zone_opt
%type <node> check_kind check_opts check_opt http_method said statuses status
%type <node> settings_body setting_items setting_item setting_words
%type <node> firewall firewall_on direction other_frames audit rules_body rule_items rule_item rule verdict verdict_word
%type <node> add_what add_end add_words add_word per_slashed
%type <node> mirror_sent mirror_to mirror_opts mirror_opt log_rate answer part condition protos proto_word flags_has flags_lacks mask_opt
%type <node> send_proxy pool_body pool_items pool_item pool_stmt server_opts server_opt servers_opts servers_opt down_word
%type <node> service_body service_items service_item service_stmt wire wire_part endpoints endpoint mode gue_variant mode_opts mode_opt
%type <node> duration_opt log_format tls_cert tls_opts tls_opt
%type <node> when_conds when_cond when_asks limit_opt stream_form instruction_opts instruction_opt pools share no_server
%type <node> nat_body nat_items nat_item nat_stmt nat_conds nat_cond forward_conds forward_cond forward_list forward_proto map_on mss_clamp
%type <node> test_body test_items test_item test_stmt default outcome packet packet_opts packet_opt tcp_flag
%type <node> reply subject state_opt live_for
%type <node> claim_opts claim_opt claim claim_on came_on left_on claim_proto source_opt port_opt split_opts split_opt fate expected packet_addr packet_host const_port named_port host_port
%type <node> proto_list endpoint_list ports_opt
%type <i> packet_proto flag_word spoken copied

%%

file: %empty | items ;

items: item           { statement_done(p, p->tree, $1); }
     | items item     { statement_done(p, p->tree, $2); }
     | error NL       { statement_broken(p, p->tree); yyerrok; }
     | items error NL { statement_broken(p, p->tree); yyerrok; }
     ;
item: NL { $$ = NULL; } | simple NL | block ;

/* ---- words, names, values ---- */

keyword: @FREE_WORDS@ ;
word_not_port: NAME | keyword | FILE_KW | LIVE ;
word_not_file: NAME | keyword | PORT ;
word: word_not_port | PORT ;
name: word { $$ = name_node(p, $1, @1); } ;

literal: INT | RANGE | ADDR | PREFIX | ADDR_RANGE | ENDPOINT | ENDPOINT_RANGE | STRING | BYTES | PERCENT | STATUS | DURATION | RATE
       | BANDWIDTH | SIZE | COLON_WORD ;
/* A literal or a constant. */
scalar: literal | NAME { $$ = name_node(p, $1, @1); } ;
/* A constant's address, and a port. */
named_port: NAME COLON const_port { $$ = clause(p, CL_ENDPOINT, @$, chain(name_node(p, $1, @1), $3)); } ;
const_port: INT | NAME { $$ = name_node(p, $1, @1); } ;

elem_not_port: literal
    | word_not_port { $$ = name_node(p, $1, @1); }
    | ANY           { $$ = leaf(p, N_ANY, @1); }
    | SELF          { $$ = leaf(p, N_SELF, @1); }
    ;
elem: elem_not_port | PORT { $$ = name_node(p, $1, @1); } ;

nots: NOT { $$.count = 1; $$.second = @1; }
    | nots NOT { $$ = $1; if ($$.count++ == 1) $$.second = @2; } ;
elems: elem                 { $$ = list_of(p, $1, @1); }
     | elems COMMA elem     { $$ = list_more($1, $3, @3); }
     | elems COMMA nots elem { list_inner_not(p, @3); $$ = list_more($1, $4, @4); }
     ;
list: elems | nots elems { $$ = list_not(p, $2, @1, $1.count, $1.second); } ;
/* Elements behind `to`, where `port` is the keyword. */
to_elems: elem_not_port            { $$ = list_of(p, $1, @1); }
        | to_elems COMMA elem      { $$ = list_more($1, $3, @3); }
        | to_elems COMMA nots elem { list_inner_not(p, @3); $$ = list_more($1, $4, @4); }
        ;
to_list: to_elems | nots elems { $$ = list_not(p, $2, @1, $1.count, $1.second); } ;

/* Values before possible keywords: names are constants only. */
scalars: scalar                    { $$ = list_of(p, $1, @1); }
       | scalars COMMA scalar      { $$ = list_more($1, $3, @3); }
       | scalars COMMA nots scalar { list_inner_not(p, @3); $$ = list_more($1, $4, @4); }
       ;
scalar_list: scalars | nots scalars { $$ = list_not(p, $2, @1, $1.count, $1.second); } ;

iface: name | STRING ;
ifaces: iface { $$ = list_of(p, $1, @1); } | ifaces COMMA iface { $$ = list_more($1, $3, @3); } ;

codes: name { $$ = list_of(p, $1, @1); } | codes COMMA name { $$ = list_more($1, $3, @3); } ;

/* ---- declarations ---- */

simple: EDITION INT { $$ = leaf(p, N_EDITION, @1); $$->v = $2->v; }
    | ALLOW codes { $$ = tree(p, N_ALLOW, @1, kids($2)); }
    | INCLUDE STRING { $$ = tree(p, N_INCLUDE, @1, $2); }
    | CONST word EQ literal { $$ = const_decl(p, @1, $2, @2, $4); }
    | SET name EQ set_expr { $$ = tree(p, N_SET, @1, chain($2, $4)); }
    | SET name EQ live { $$ = tree(p, N_SET, @1, chain($2, $4)); }
    | PORTS name EQ list { $$ = tree(p, N_PORTS, @1, chain($2, want_list(p, $4, W_NUMBERS, "`ports`"))); }
    | MACS name EQ list { $$ = tree(p, N_MACS, @1, chain($2, want_list(p, $4, W_MAC | W_NAME, "`macs`"))); }
    | NAMES name EQ list { $$ = tree(p, N_NAMES, @1, chain($2, want_list(p, $4, W_STRING | W_NAME, "`names`"))); }
    | INTERFACE name EQ scalar
        { $$ = tree(p, N_INTERFACE, @1, chain($2, want(p, $4, W_STRING | W_NAME, "`interface`"))); }
    | METER name EQ scalar meter_opts
        { $$ = tree(p, N_METER, @1,
                    chain(chain($2, want(p, $4, W_RATE | W_BANDWIDTH | W_NAME, "`meter`")), kids($5))); }
    | SCHEDULE name EQ days zone_opt { $$ = tree(p, N_SCHEDULE, @1, chain(chain($2, $4->first), $5)); }
    | CHECK name EQ check_kind check_opts { $$ = tree(p, N_CHECK, @1, chain(chain($2, $4), kids($5))); }
    | HASH KEY STRING { $$ = tree(p, N_HASH_KEY, span_join(@1, @2), $3); }
    ;

block: LIMITS settings_body { $$ = tree(p, N_LIMITS, @1, $2); }
    | TIMEOUTS settings_body { $$ = tree(p, N_TIMEOUTS, @1, $2); }
    | firewall
    | CHAIN name LBRACE rules_body RBRACE { $$ = tree(p, N_CHAIN, @1, chain($2, $4)); }
    | POOL name LBRACE pool_body RBRACE { $$ = tree(p, N_POOL, @1, chain($2, $4)); }
    | SERVICE name ON endpoints wire LBRACE service_body RBRACE
        { $$ = tree(p, N_SERVICE, @1, chain(chain($2, $4), chain(kids($5), $7))); }
    | NAT name LBRACE nat_body RBRACE { $$ = tree(p, N_NAT, @1, chain($2, $4)); }
    | TEST STRING LBRACE test_body RBRACE { $$ = tree(p, N_TEST, @1, chain($2, $4)); }
    ;

set_expr: set_atom
    | set_expr set_operator set_atom { $$ = set_op(p, $1, (enum node_kind)$2, @2, $3); } ;
set_operator: COMMA { $$ = N_SET_UNION; } | EXCEPT { $$ = N_SET_EXCEPT; } | AND { $$ = N_SET_AND; } ;
set_atom: literal { $$ = set_member(p, $1); }
    | word_not_file { $$ = name_node(p, $1, @1); }
    | SELF { $$ = set_member(p, leaf(p, N_SELF, @1)); }
    | ANY { $$ = set_member(p, leaf(p, N_ANY, @1)); }
    | FILE_KW STRING { $$ = tree(p, N_FILE_REF, @$, $2); }
    | LPAREN set_expr RPAREN { $$ = tree(p, N_SET_GROUP, @$, $2); }
    ;

live: LIVE live_opts { $$ = tree(p, N_LIVE, @$, kids($2)); } ;
live_opts: live_opt { $$ = append(p, NULL, $1); } | live_opts live_opt { $$ = append(p, $1, $2); } ;
live_opt: NAME scalars { $$ = live_word(p, name_node(p, $1, @1), $2); }
    | FILE_KW STRING { $$ = clause(p, CL_FILE, @1, $2); }
    | NAMES list { $$ = clause(p, CL_NAMES, @1, want_list(p, $2, W_STRING | W_NAME, "`names`")); }
    | IN set_atom { $$ = clause(p, CL_IN, @1, $2); }
    | NEVER set_atom { $$ = clause(p, CL_NEVER, @1, $2); }
    | FROM set_atom { $$ = clause(p, CL_FROM, @1, $2); }
    | KEEP { $$ = clause(p, CL_KEEP, @1, NULL); }
    | REFUSE { $$ = clause(p, CL_REFUSE, @1, NULL); }
    ;

meter_opts: %empty { $$ = NULL; } | meter_opts meter_opt { $$ = append(p, $1, $2); } ;
meter_opt: BURST scalar { $$ = clause(p, CL_BURST, @1, want(p, $2, W_INT | W_SIZE | W_NAME, "`burst`")); }
    | per
    | ENTRIES scalar { $$ = clause(p, CL_ENTRIES, @1, want(p, $2, W_INT | W_NAME, "`entries`")); }
    ;
per: PER per_opt { $$ = clause(p, CL_PER, @1, $2); } ;
per_opt: SOURCE { $$ = choice(p, CL_SOURCE, @1); }
    | DESTINATION { $$ = choice(p, CL_DESTINATION, @1); }
    | FLOW { $$ = choice(p, CL_FLOW, @1); }
    | per_slashed
    ;
per_slashed: SLASHED { $$ = per_prefix(p, $1, @1, NULL); }
    | SLASHED COMMA SLASH_LEN { $$ = per_prefix(p, $1, @1, name_node(p, $3, @3)); }
    ;

days: day { $$ = list_of(p, $1, @1); } | days COMMA day { $$ = list_more($1, $3, @3); } ;
day: name { $$ = tree(p, N_DAYS, @$, $1); }
    | name COLON_RANGE { $$ = tree(p, N_DAYS, @$, chain($1, colon_time_range(p, $2))); }
    | COLON_RANGE { $$ = tree(p, N_DAYS, @$, colon_time_range(p, $1)); }
    | DATE { $$ = tree(p, N_DATES, @$, $1); }
    | DATE COLON_RANGE { $$ = tree(p, N_DATES, @$, chain($1, colon_time_range(p, $2))); }
    | date_time DASH date_time { $$ = tree(p, N_DATES, @$, chain($1, $3)); }
    ;
date_time: DATE | DATE COLON_WORD { $$ = chain($1, colon_time(p, $2)); } ;
zone_opt: %empty { $$ = NULL; } | ZONE STRING { $$ = clause(p, CL_ZONE, @1, $2); } ;

check_kind: TCP { $$ = clause(p, CL_TCP, @1, NULL); }
    | UDP { $$ = clause(p, CL_UDP, @1, NULL); }
    | ICMP { $$ = clause(p, CL_ICMP, @1, NULL); }
    | HTTP http_method STRING { $$ = clause(p, CL_HTTP, @1, chain($2, $3)); }
    | HTTPS http_method STRING { $$ = clause(p, CL_HTTPS, @1, chain($2, $3)); }
    ;
http_method: GET { $$ = choice(p, CL_GET, @1); }
    | HTTP_HEAD { $$ = choice(p, CL_HTTP_HEAD, @1); }
    | HTTP_OPTIONS { $$ = choice(p, CL_HTTP_OPTIONS, @1); }
    ;
check_opts: %empty { $$ = NULL; } | check_opts check_opt { $$ = append(p, $1, $2); } ;
check_opt: SEND said { $$ = clause(p, CL_SEND, @1, $2); }
    | EXPECT said { $$ = clause(p, CL_EXPECT, @1, $2); }
    | EXPECT HAS said { $$ = clause(p, CL_EXPECT_HAS, span_join(@1, @2), $3); }
    | EXPECT statuses { $$ = clause(p, CL_EXPECT, @1, $2->first); }
    | HEADER STRING STRING { $$ = clause(p, CL_HEADER, @1, chain($2, $3)); }
    | HOST STRING { $$ = clause(p, CL_HOST, @1, $2); }
    | SNI STRING { $$ = clause(p, CL_SNI, @1, $2); }
    | VERIFY OFF { $$ = clause(p, CL_VERIFY_OFF, span_join(@1, @2), NULL); }
    | VERIFY CA STRING { $$ = clause(p, CL_VERIFY_CA, span_join(@1, @2), $3); }
    | BODY HAS STRING { $$ = clause(p, CL_BODY_HAS, span_join(@1, @2), $3); }
    | EVERY scalar { $$ = clause(p, CL_EVERY, @1, want(p, $2, W_DURATION | W_NAME, "`every`")); }
    | TIMEOUT scalar { $$ = clause(p, CL_TIMEOUT, @1, want(p, $2, W_DURATION | W_NAME, "`timeout`")); }
    | RISE scalar { $$ = clause(p, CL_RISE, @1, want(p, $2, W_INT | W_NAME, "`rise`")); }
    | FALL scalar { $$ = clause(p, CL_FALL, @1, want(p, $2, W_INT | W_NAME, "`fall`")); }
    | PORT scalar { $$ = clause(p, CL_PORT, @1, want(p, $2, W_INT | W_NAME, "`port` of a check")); }
    | FROM scalar { $$ = clause(p, CL_FROM, @1, want(p, $2, W_ADDR | W_NAME, "`from` of a check")); }
    | PASSIVE { $$ = clause(p, CL_PASSIVE, @1, NULL); }
    | VIA SERVICE { $$ = clause(p, CL_VIA_SERVICE, @$, NULL); }
    | WITHOUT PROXY { $$ = clause(p, CL_WITHOUT_PROXY, @$, NULL); }
    ;
said: BYTES | STRING ;
statuses: status { $$ = list_of(p, $1, @1); } | statuses COMMA status { $$ = list_more($1, $3, @3); } ;
status: INT | RANGE | STATUS ;

settings_body: LBRACE RBRACE { $$ = NULL; } | LBRACE setting_items RBRACE { $$ = $2->first; } ;
setting_items: setting_item { $$ = statement_done(p, NULL, $1); }
    | setting_items setting_item { $$ = statement_done(p, $1, $2); }
    | error NL { $$ = statement_broken(p, NULL); yyerrok; }
    | setting_items error NL { $$ = statement_broken(p, $1); yyerrok; }
    ;
setting_item: NL { $$ = NULL; }
    | setting_words literal NL { $$ = setting(p, $1, $2, p->header.start[0].kind == TIMEOUTS); }
    | setting_words NL { $$ = setting(p, $1, NULL, p->header.start[0].kind == TIMEOUTS); }
    ;
setting_words: name { $$ = list_of(p, $1, @1); } | setting_words name { $$ = list_more($1, $2, @2); } ;

/* ---- firewall ---- */

firewall: audit FIREWALL name firewall_on direction DEFAULT default other_frames LBRACE rules_body RBRACE
        { $$ = tree(p, N_FIREWALL, @2, chain(chain($1, $3), chain(chain($4, $5), chain(chain($7, $8), $10)))); } ;
audit: %empty { $$ = NULL; } | AUDIT { $$ = leaf(p, N_AUDIT, @1); } ;
default: audit outcome { $$ = $1 ? adopt($2, $1) : $2; } ;
firewall_on: %empty { $$ = NULL; } | ON ifaces { $$ = tree(p, N_ON, @$, $2->first); } ;
direction: %empty { $$ = NULL; }
    | IN { $$ = int_leaf(p, N_DIRECTION, DIR_IN, @1); }
    | OUT { $$ = int_leaf(p, N_DIRECTION, DIR_OUT, @1); }
    | FORWARD { $$ = int_leaf(p, N_DIRECTION, DIR_FORWARD, @1); }
    ;
other_frames: %empty { $$ = NULL; }
    | OTHER FRAMES PASS { $$ = int_leaf(p, N_OTHER_FRAMES, 1, @$); }
    | OTHER FRAMES DROP { $$ = int_leaf(p, N_OTHER_FRAMES, 0, @$); }
    ;
outcome: ACCEPT { $$ = int_leaf(p, N_VERDICT, VW_ACCEPT, @1); }
    | DROP { $$ = int_leaf(p, N_VERDICT, VW_DROP, @1); }
    | REJECT { $$ = int_leaf(p, N_VERDICT, VW_REJECT, @1); }
    ;

rules_body: %empty { $$ = NULL; } | rule_items { $$ = $1->first; } ;
rule_items: rule_item { $$ = statement_done(p, NULL, $1); }
    | rule_items rule_item { $$ = statement_done(p, $1, $2); }
    | error NL { $$ = statement_broken(p, NULL); yyerrok; }
    | rule_items error NL { $$ = statement_broken(p, $1); yyerrok; }
    ;
rule_item: NL { $$ = NULL; } | rule NL ;
rule: audit verdict { $$ = rule_new(p, $1, $2); }
    | rule part { $$ = rule_part(p, $1, $2, @2); }
    ;
part: condition
    | WITH answer { $$ = $2; $$->span = @$; }
    | LOG log_rate { $$ = tree(p, N_LOG, @$, $2); }
    | AS name { $$ = tree(p, N_AS, @$, $2); }
    | COMMENT STRING { $$ = tree(p, N_COMMENT, @$, $2); }
    ;
answer: RST { $$ = int_leaf(p, N_WITH, AW_RST, @1); }
    | UNREACHABLE { $$ = int_leaf(p, N_WITH, AW_UNREACHABLE, @1); }
    | PROHIBITED { $$ = int_leaf(p, N_WITH, AW_PROHIBITED, @1); }
    ;
log_rate: %empty { $$ = NULL; }
    | scalar { $$ = want(p, $1, W_RATE | W_STRING | W_NAME, "`log`"); }
    | STRING scalar { $$ = chain($1, want(p, $2, W_RATE | W_NAME, "`log`")); }
    ;

verdict: outcome
    | verdict_word
    | DO name { $$ = int_leaf(p, N_VERDICT, VW_DO, @1); adopt($$, $2); }
    | DECAP IPIP { $$ = int_leaf(p, N_VERDICT, VW_DECAP, @1); adopt($$, choice(p, CL_IPIP, @2)); }
    | DECAP GUE scalar
        { $$ = int_leaf(p, N_VERDICT, VW_DECAP, @1);
          adopt($$, chain(choice(p, CL_GUE, @2), want(p, $3, W_INT | W_NAME, "`decap gue`"))); }
    | MIRROR mirror_sent TO mirror_to mirror_opts
        { $$ = int_leaf(p, N_VERDICT, VW_MIRROR, @1); adopt($$, chain($2, chain($4, kids($5)))); }
    | ADD add_what TO name FOR scalar add_words
        { $$ = int_leaf(p, N_VERDICT, VW_ADD, @1);
          adopt($$, chain(chain($2, $4), chain(clause(p, CL_FOR, @5, want(p, $6, W_DURATION | W_NAME, "`for`")), kids($7)))); }
    ;
verdict_word: RETURN { $$ = int_leaf(p, N_VERDICT, VW_RETURN, @1); }
    | COUNT { $$ = int_leaf(p, N_VERDICT, VW_COUNT, @1); }
    | LOG { $$ = int_leaf(p, N_VERDICT, VW_LOG, @1); }
    | LOG STRING { $$ = adopt(int_leaf(p, N_VERDICT, VW_LOG, @1), $2); }
    ;
add_what: %empty { $$ = NULL; } | add_end { $$ = clause(p, CL_PER, @1, $1); } ;
add_end: SOURCE { $$ = choice(p, CL_SOURCE, @1); }
    | DESTINATION { $$ = choice(p, CL_DESTINATION, @1); }
    | per_slashed
    ;
add_words: %empty { $$ = NULL; } | add_words add_word { $$ = append(p, $1, $2); } ;
add_word: NAME { $$ = add_word(p, name_node(p, $1, @1)); } ;
mirror_sent: %empty { $$ = NULL; } | SENT { $$ = choice(p, CL_SENT, @1); } ;
mirror_to: iface
    | FILE_KW STRING { $$ = clause(p, CL_FILE, @1, $2); }
    | SOCKET STRING { $$ = clause(p, CL_SOCKET, @1, $2); }
    ;
mirror_opts: %empty { $$ = NULL; } | mirror_opts mirror_opt { $$ = append(p, $1, $2); } ;
mirror_opt: LIMIT scalar
        { $$ = clause(p, CL_LIMIT, @1, want(p, $2, W_RATE | W_BANDWIDTH | W_SIZE | W_NAME, "`limit`")); }
    | SNAP scalar { $$ = clause(p, CL_SNAP, @1, want(p, $2, W_SIZE | W_NAME, "`snap`")); }
    ;

condition: protos
    | TYPE list { $$ = condition(p, N_C_TYPE, @$, $2, W_NUMBERS, "`type`"); }
    | CODE list { $$ = condition(p, N_C_CODE, @$, $2, W_NUMBERS, "`code`"); }
    | PROTO list { $$ = condition(p, N_C_PROTO_NUM, @$, $2, W_NUMBERS, "`proto`"); }
    | nots PROTO list
        { $$ = condition(p, N_C_PROTO_NUM, @$, list_outer_not(p, $3, @1, $1.count, $1.second), W_NUMBERS, "`proto`"); }
    | ETHER scalar_list { $$ = condition(p, N_C_ETHER, @$, $2, W_INT | W_NAME, "`ether`"); }
    | ETHER FROM list { $$ = condition(p, N_C_ETHER_FROM, @$, $3, W_MAC | W_NAME, "`ether from`"); }
    | ETHER TO list { $$ = condition(p, N_C_ETHER_TO, @$, $3, W_MAC | W_NAME, "`ether to`"); }
    | FROM list { $$ = tree(p, N_C_FROM, @$, want_list(p, $2, W_ADDRS, "`from`")); }
    | TO to_list { $$ = tree(p, N_C_TO, @$, want_list(p, $2, W_ADDRS, "`to`")); }
    | TO PORT list { $$ = tree(p, N_C_PORT, @$, want_list(p, $3, W_NUMBERS, "`port`")); }
    | PORT list { $$ = tree(p, N_C_PORT, @$, want_list(p, $2, W_NUMBERS, "`port`")); }
    | SOURCE PORT list { $$ = tree(p, N_C_SPORT, @$, want_list(p, $3, W_NUMBERS, "`source port`")); }
    | ON list { $$ = condition(p, N_C_ON, @$, $2, W_STRING | W_NAME, "`on`"); }
    | OUT ON list { $$ = condition(p, N_C_OUT_ON, @$, $3, W_STRING | W_NAME, "`out on`"); }
    | URPF_FAILED { $$ = leaf(p, N_C_URPF, @1); }
    | VLAN list { $$ = condition(p, N_C_VLAN, @$, $2, W_NUMBERS | W_ANY | W_NONE, "`vlan`"); }
    | VLAN list INNER list
        { $$ = chain(condition(p, N_C_VLAN, span_join(@1, @2), $2, W_NUMBERS | W_ANY | W_NONE, "`vlan`"),
                     condition(p, N_C_INNER, span_join(@3, @4), $4, W_NUMBERS, "`inner`")); }
    | FLAGS flags_has { $$ = tree(p, N_C_FLAGS, @$, $2); }
    | FLAGS flags_lacks { $$ = tree(p, N_C_FLAGS, @$, $2); }
    | FLAGS flags_has flags_lacks { $$ = tree(p, N_C_FLAGS, @$, chain($2, $3)); }
    | STATE list { $$ = condition(p, N_C_STATE, @$, $2, W_NAME, "`state`"); }
    | FRAGMENT list { $$ = condition(p, N_C_FRAGMENT, @$, $2, W_NAME | W_ANY, "`fragment`"); }
    @IP_NUMBERS@
    | OPTIONS list { $$ = condition(p, N_C_OPTIONS, @$, $2, W_ANY | W_NONE, "`options`"); }
    | BYTES_KW name AT scalar IS scalar mask_opt
        { $$ = tree(p, N_C_BYTES, @$, chain(chain($2, want(p, $4, W_INT | W_NAME, "`at`")),
                                            chain(want(p, $6, W_BYTES | W_NAME, "`is`"), $7))); }
    | BYTES_KW name AT scalar IS nots scalar mask_opt
        { $$ = tree(p, N_C_BYTES, @$,
                    chain(chain($2, want(p, $4, W_INT | W_NAME, "`at`")),
                          chain(other_than(p, want(p, $7, W_BYTES | W_NAME, "`is`"), $6.count, $6.second), $8))); }
    | OVER name { $$ = tree(p, N_C_OVER, @$, $2); }
    | WITHIN name { $$ = tree(p, N_C_WITHIN, @$, $2); }
    | DURING list { $$ = condition(p, N_C_DURING, @$, $2, W_NAME, "`during`"); }
    | FLOWS OVER scalar { $$ = tree(p, N_C_FLOWS, @$, want(p, $3, W_INT | W_NAME, "`flows over`")); }
    | FLOWS OVER scalar per { $$ = tree(p, N_C_FLOWS, @$, chain(want(p, $3, W_INT | W_NAME, "`flows over`"), $4)); }
    ;
protos: proto_list { $$ = tree(p, N_C_PROTO, @1, $1->first); }
    | nots proto_list { $$ = list_not(p, tree(p, N_C_PROTO, @$, $2->first), @1, $1.count, $1.second); } ;
proto_list: proto_word { $$ = list_of(p, $1, @1); }
    | proto_list COMMA proto_word { $$ = list_more($1, $3, @3); }
    | proto_list COMMA nots proto_word { list_inner_not(p, @3); $$ = list_more($1, $4, @4); }
    ;
proto_word: IP { $$ = int_leaf(p, N_PROTO_WORD, PW_IP, @1); }
    | IP6 { $$ = int_leaf(p, N_PROTO_WORD, PW_IP6, @1); }
    | TCP { $$ = int_leaf(p, N_PROTO_WORD, PW_TCP, @1); }
    | UDP { $$ = int_leaf(p, N_PROTO_WORD, PW_UDP, @1); }
    | SCTP { $$ = int_leaf(p, N_PROTO_WORD, PW_SCTP, @1); }
    | ICMP { $$ = int_leaf(p, N_PROTO_WORD, PW_ICMP, @1); }
    | ICMP6 { $$ = int_leaf(p, N_PROTO_WORD, PW_ICMP6, @1); }
    | ARP { $$ = int_leaf(p, N_PROTO_WORD, PW_ARP, @1); }
    | spoken { $$ = int_leaf(p, N_PROTO_WORD, (uint64_t)$1, @1); }
    ;
/* Protocols whose headers are not read. */
spoken: AH { $$ = PW_AH; } | ESP { $$ = PW_ESP; } | GRE { $$ = PW_GRE; } | IGMP { $$ = PW_IGMP; } | IPIP { $$ = PW_IPIP; } | L2TP { $$ = PW_L2TP; }
    | OSPF { $$ = PW_OSPF; } | PIM { $$ = PW_PIM; } | VRRP { $$ = PW_VRRP; } ;
flags_has: HAS list { $$ = flag_list(p, N_HAS, @$, $2); } ;
flags_lacks: LACKS list { $$ = flag_list(p, N_LACKS, @$, $2); } ;
mask_opt: %empty { $$ = NULL; } | MASK scalar { $$ = want(p, $2, W_BYTES | W_NAME, "`mask`"); } ;

/* ---- pools, services, translation ---- */

pool_body: %empty { $$ = NULL; } | pool_items { $$ = $1->first; } ;
pool_items: pool_item { $$ = statement_done(p, NULL, $1); }
    | pool_items pool_item { $$ = statement_done(p, $1, $2); }
    | error NL { $$ = statement_broken(p, NULL); yyerrok; }
    | pool_items error NL { $$ = statement_broken(p, $1); yyerrok; }
    ;
pool_item: NL { $$ = NULL; } | pool_stmt NL ;
pool_stmt: BALANCE name { $$ = clause(p, CL_BALANCE, @1, $2); }
    | CHECK name { $$ = clause(p, CL_CHECK, @1, $2); }
    | DRAIN scalar { $$ = clause(p, CL_DRAIN, @1, want(p, $2, W_DURATION | W_NAME, "`drain`")); }
    | SLOW START scalar
        { $$ = clause(p, CL_SLOW_START, span_join(@1, @2), want(p, $3, W_DURATION | W_NAME, "`slow start`")); }
    | ON DOWN down_word { $$ = clause(p, CL_ON_DOWN, span_join(@1, @2), $3); }
    | RETRIES scalar { $$ = clause(p, CL_RETRIES, @1, want(p, $2, W_INT | W_NAME, "`retries`")); }
    | KEEP name
        { $$ = clause(p, CL_KEEP_CONNECTIONS, @1,
                      one_of(p, $2, "`keep`", (const enum clause[]){ CL_NOTHING, CL_NONE })); }
    | send_proxy
    | SOURCE list ports_opt
        { $$ = clause(p, CL_SOURCE, @1,
                      chain(want_list(p, $2, W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME, "`source`"), $3)); }
    | SERVER name scalar server_opts
        { $$ = tree(p, N_SERVER, @1,
                    chain(chain($2, server_at(p, $3, @1, W_ADDR | W_ENDPOINT)), kids($4))); }
    | SERVER name NAME host_port server_opts
        { $$ = tree(p, N_SERVER, @1,
                    chain(chain($2, server_host(p, name_node(p, $3, @3), $4)), kids($5))); }
    | SERVER name named_port server_opts { $$ = tree(p, N_SERVER, @1, chain(chain($2, $3), kids($4))); }
    | SERVERS name NAME host_port servers_opts
        { $$ = tree(p, N_SERVERS, @1,
                    chain(chain($2, servers_host(p, $3, @3, $4)), kids($5))); }
    | SERVERS name scalar servers_opts
        { $$ = tree(p, N_SERVERS, @1,
                    chain(chain($2, servers_at(p, $2, $3, @1)), kids($4))); }
    ;
host_port: STRING { $$ = clause(p, CL_HOST, @1, $1); }
    | STRING COLON const_port { $$ = clause(p, CL_HOST, @$, chain($1, $3)); } ;
ports_opt: %empty { $$ = NULL; }
    | PORTS scalars { $$ = clause(p, CL_PORTS, @1, want_list(p, $2, W_NUMBERS, "`ports`")->first); } ;
down_word: name { $$ = one_of(p, $1, "`on down`", (const enum clause[]){ CL_RESET, CL_KEEP, CL_NONE }); } ;
server_opts: %empty { $$ = NULL; } | server_opts server_opt { $$ = append(p, $1, $2); } ;
server_opt: servers_opt | MAC_KW scalar { $$ = clause(p, CL_MAC, @1, want(p, $2, W_MAC | W_NAME, "`mac`")); }
    | VLAN scalar { $$ = clause(p, CL_VLAN, @1, want(p, $2, W_INT | W_NAME, "`vlan`")); }
    | VLAN scalar INNER scalar
        { $$ = clause(p, CL_VLAN, @1,
                      chain(want(p, $2, W_INT | W_NAME, "`vlan`"), want(p, $4, W_INT | W_NAME, "`inner`"))); }
    ;
servers_opts: %empty { $$ = NULL; } | servers_opts servers_opt { $$ = append(p, $1, $2); } ;
servers_opt: IP6 { $$ = clause(p, CL_IP6, @1, NULL); }
    | WEIGHT scalar { $$ = clause(p, CL_WEIGHT, @1, want(p, $2, W_INT | W_NAME, "`weight`")); }
    | BACKUP { $$ = clause(p, CL_BACKUP, @1, NULL); }
    | CHECK name { $$ = clause(p, CL_CHECK, @1, $2); }
    | MAX FLOWS scalar
        { $$ = clause(p, CL_MAX_FLOWS, span_join(@1, @2), want(p, $3, W_INT | W_NAME, "`max flows`")); }
    | MAX scalar { $$ = clause(p, CL_MAX, @1, want(p, $2, W_INT | W_NAME, "`max`")); }
    ;

endpoints: list endpoint_list
        { $$ = adopt(tree(p, N_ON, @$, want_list(p, $1, W_ADDRS, "`on`")->first), $2->first); } ;
endpoint_list: endpoint { $$ = list_of(p, $1, @1); } | endpoint_list COMMA endpoint { $$ = list_more($1, $3, @3); } ;
endpoint: SLASHED { $$ = proto_ports(p, $1, @1); }
    | ICMP { $$ = choice(p, CL_ICMP, @1); }
    | ICMP6 { $$ = choice(p, CL_ICMP6, @1); }
    ;
wire: %empty { $$ = NULL; } | wire wire_part { $$ = append(p, $1, $2); } ;
wire_part: ON list { $$ = condition(p, N_C_ON, @$, $2, W_STRING | W_NAME, "`on`"); }
    | VLAN list { $$ = condition(p, N_C_VLAN, @$, $2, W_NUMBERS | W_ANY | W_NONE, "`vlan`"); }
    ;
service_body: %empty { $$ = NULL; } | service_items { $$ = $1->first; } ;
service_items: service_item { $$ = statement_done(p, NULL, $1); }
    | service_items service_item { $$ = statement_done(p, $1, $2); }
    | error NL { $$ = statement_broken(p, NULL); yyerrok; }
    | service_items error NL { $$ = statement_broken(p, $1); yyerrok; }
    ;
service_item: NL { $$ = NULL; } | service_stmt NL ;
service_stmt: MODE mode { $$ = clause(p, CL_MODE, @1, $2); }
    | WHEN when_conds ARROW pools { $$ = when_new(p, @1, kids($2), $4); }
    | ELSE ARROW pools { $$ = tree(p, N_WHEN, @1, $3); $$->flags |= NF_ELSE; }
    | ARROW pools { $$ = tree(p, N_WHEN, @1, $2); $$->flags |= NF_ELSE; }
    | ANNOUNCE { $$ = clause(p, CL_ANNOUNCE, @1, NULL); }
    | AFFINITY SOURCE scalar
        { $$ = clause(p, CL_AFFINITY_SOURCE, span_join(@1, @2), want(p, $3, W_DURATION | W_NAME, "`affinity source`")); }
    | AFFINITY COOKIE STRING duration_opt
        { $$ = clause(p, CL_AFFINITY_COOKIE, span_join(@1, @2), chain($3, $4)); }
    | AFFINITY HEADER STRING duration_opt
        { $$ = clause(p, CL_AFFINITY_HEADER, span_join(@1, @2), chain($3, $4)); }
    | QUEUE scalar WITHIN scalar
        { $$ = clause(p, CL_QUEUE, @1,
                      chain(want(p, $2, W_INT | W_NAME, "`queue`"), want(p, $4, W_DURATION | W_NAME, "`within`"))); }
    | ACCESS LOG log_format STRING { $$ = clause(p, CL_ACCESS_LOG, span_join(@1, @2), chain($3, $4)); }
    | ACCESS LOG log_format SYSLOG
        { $$ = clause(p, CL_ACCESS_LOG, span_join(@1, @2), chain($3, choice(p, CL_SYSLOG, @4))); }
    | SERVER FIRST { $$ = clause(p, CL_SERVER_FIRST, @$, NULL); }
    | BYTES_KW FIRST { $$ = clause(p, CL_BYTES_FIRST, @$, NULL); }
    | SPLICE PACKETS { $$ = clause(p, CL_SPLICE, @$, NULL); }
    | ON OVERLOAD PASS { $$ = clause(p, CL_ON_OVERLOAD, span_join(@1, @2), choice(p, CL_PASS, @3)); }
    | ON OVERLOAD REFUSE { $$ = clause(p, CL_ON_OVERLOAD, span_join(@1, @2), choice(p, CL_REFUSE, @3)); }
    | SESSIONS TO STRING limit_opt { $$ = clause(p, CL_SESSIONS, span_join(@1, @2), chain($3, $4)); }
    | STREAM TO STRING stream_form limit_opt
        { $$ = clause(p, CL_STREAM, span_join(@1, @2), chain(chain($3, $4), $5)); }
    | ON RELOAD CLOSE { $$ = clause(p, CL_ON_RELOAD, @$, NULL); }
    | tls_cert
    | TLS TO SERVER tls_opts { $$ = clause(p, CL_TLS_TO_SERVER, span_join(@1, @3), kids($4)); }
    | IDLE scalar { $$ = clause(p, CL_IDLE, @1, want(p, $2, W_DURATION | W_NAME, "`idle`")); }
    | IDLE name scalar { $$ = idle_of(p, @$, $2, $3); }
    | CONNECT WITHIN scalar
        { $$ = clause(p, CL_CONNECT_WITHIN, span_join(@1, @2),
                      want(p, $3, W_DURATION | W_NAME, "`connect within`")); }
    | TRUST FORWARDED FROM list
        { $$ = clause(p, CL_TRUST_FORWARDED, span_join(@1, @2),
                      want_list(p, $4, W_ADDRS, "`trust forwarded from`")); }
    | MAX AGE scalar { $$ = clause(p, CL_MAX_AGE, span_join(@1, @2), want(p, $3, W_DURATION | W_NAME, "`max age`")); }
    | ON NO SERVER no_server { $$ = clause(p, CL_ON_NO_SERVER, span_join(@1, @3), $4); }
    | MAX FLOWS scalar
        { $$ = clause(p, CL_MAX_FLOWS, span_join(@1, @2), want(p, $3, W_INT | W_NAME, "`max flows`")); }
    | MAX FLOWS scalar PER SOURCE
        { $$ = clause(p, CL_MAX_FLOWS_PER, span_join(@1, @2), want(p, $3, W_INT | W_NAME, "`max flows`")); }
    | RATE_KW name { $$ = clause(p, CL_RATE, @1, $2); }
    | SYN COOKIES { $$ = clause(p, CL_SYN_COOKIES, @$, NULL); }
    | mss_clamp
    ;
limit_opt: %empty { $$ = NULL; }
    | LIMIT scalar { $$ = clause(p, CL_LIMIT, @1, want(p, $2, W_SIZE | W_NAME, "`limit`")); }
    ;
stream_form: %empty { $$ = NULL; } | AS PCAPNG { $$ = choice(p, CL_AS_PCAPNG, span_join(@1, @2)); } ;
duration_opt: %empty { $$ = NULL; } | scalar { $$ = want(p, $1, W_DURATION | W_NAME, "`affinity`"); } ;
log_format: COMMON { $$ = choice(p, CL_COMMON, @1); } | JSON { $$ = choice(p, CL_JSON, @1); } ;
tls_cert: TLS CERT STRING KEY STRING { $$ = clause(p, CL_TLS, span_join(@1, @2), chain($3, $5)); } ;
tls_opts: %empty { $$ = NULL; } | tls_opts tls_opt { $$ = append(p, $1, $2); } ;
tls_opt: SNI STRING { $$ = clause(p, CL_SNI, @1, $2); }
    | VERIFY OFF { $$ = clause(p, CL_VERIFY_OFF, @$, NULL); }
    | VERIFY CA STRING { $$ = clause(p, CL_VERIFY_CA, span_join(@1, @2), $3); }
    ;
mode: PASSTHROUGH { $$ = clause(p, CL_PASSTHROUGH, @1, NULL); }
    | PASSTHROUGH KEEP SOURCE { $$ = clause(p, CL_KEEP_SOURCE, @$, NULL); }
    | DSR L2 { $$ = clause(p, CL_DSR_L2, @$, NULL); }
    | DSR REWRITE { $$ = clause(p, CL_DSR_REWRITE, @$, NULL); }
    | DSR IPIP { $$ = clause(p, CL_DSR_IPIP, @$, NULL); }
    | DSR GUE scalar gue_variant
        { $$ = clause(p, CL_DSR_GUE, span_join(@1, @2), chain(want(p, $3, W_INT | W_NAME, "`dsr gue`"), $4)); }
    | PROXY mode_opts { $$ = clause(p, CL_PROXY, @1, kids($2)); }
    | PROXY HTTP mode_opts { $$ = clause(p, CL_PROXY_HTTP, span_join(@1, @2), kids($3)); }
    | PROXY INLINE mode_opts { $$ = clause(p, CL_PROXY_INLINE, span_join(@1, @2), kids($3)); }
    | PROXY INLINE HTTP mode_opts { $$ = clause(p, CL_PROXY_INLINE_HTTP, span_join(@1, @3), kids($4)); }
    | OBSERVE mode_opts { $$ = clause(p, CL_OBSERVE, @1, kids($2)); }
    ;
gue_variant: %empty { $$ = NULL; }
    | VARIANT scalar { $$ = clause(p, CL_VARIANT, @1, want(p, $2, W_INT | W_NAME, "`variant`")); }
    ;
send_proxy: SEND PROXY V1 { $$ = clause(p, CL_SEND_PROXY, span_join(@1, @2), choice(p, CL_V1, @3)); }
    | SEND PROXY V2 { $$ = clause(p, CL_SEND_PROXY, span_join(@1, @2), choice(p, CL_V2, @3)); }
    ;
mode_opts: %empty { $$ = NULL; } | mode_opts mode_opt { $$ = append(p, $1, $2); } ;
mode_opt: tls_cert
    | TRANSPARENT { $$ = clause(p, CL_TRANSPARENT, @1, NULL); }
    | send_proxy
    | ACCEPT PROXY FROM list
        { $$ = clause(p, CL_ACCEPT_PROXY, span_join(@1, @2), want_list(p, $4, W_ADDRS, "`accept proxy from`")); }
    | FIRST BYTES_KW WITHIN scalar
        { $$ = clause(p, CL_FIRST_BYTES_WITHIN, span_join(@1, @3),
                      want(p, $4, W_DURATION | W_NAME, "`first bytes within`")); }
    | OVERLAPS name
        { $$ = clause(p, CL_OVERLAPS, @1,
                      one_of(p, $2, "`overlaps`", (const enum clause[]){ CL_LINUX, CL_FIRST, CL_LAST, CL_NONE })); }
    ;
when_conds: when_cond { $$ = append(p, NULL, $1); } | when_conds when_cond { $$ = append(p, $1, $2); } ;
when_cond: when_asks | REPLY when_asks { $$ = $2; $$->flags |= NF_REPLY; } ;
when_asks: condition
    | SNI list { $$ = clause(p, CL_SNI, @1, want_list(p, $2, W_STRING | W_NAME, "`sni`")); }
    | ALPN list { $$ = clause(p, CL_ALPN, @1, want_list(p, $2, W_STRING | W_NAME, "`alpn`")); }
    | HOST list { $$ = clause(p, CL_HOST, @1, want_list(p, $2, W_STRING | W_NAME, "`host`")); }
    | PATH list { $$ = clause(p, CL_PATH, @1, want_list(p, $2, W_STRING | W_NAME, "`path`")); }
    | METHOD list { $$ = clause(p, CL_METHOD, @1, want_list(p, $2, W_STRING | W_NAME, "`method`")); }
    | HEADER STRING list { $$ = clause(p, CL_HEADER, @1, chain($2, want_list(p, $3, W_STRING | W_NAME, "`header`"))); }
    | INSTRUCTION instruction_opts TO list
        { $$ = clause(p, CL_INSTRUCTION, @1,
                      chain(kids($2), tree(p, N_C_TO, span_join(@3, @4), want_list(p, $4, W_ADDRS, "`to`")))); }
    ;
instruction_opts: %empty { $$ = NULL; } | instruction_opts instruction_opt { $$ = append(p, $1, $2); } ;
instruction_opt: CHECK SUM { $$ = clause(p, CL_CHECK, @1, choice(p, CL_SUM, @2)); }
    | CHECK ANY { $$ = clause(p, CL_CHECK, @1, leaf(p, N_ANY, @2)); }
    | ACK BYTES { $$ = clause(p, CL_ACK, @1, $2); }
    ;
pools: share { $$ = tree(p, N_POOLS, @1, $1); }
    | pools COMMA share { $$ = list_more($1, $3, @3); } ;
share: name { $$ = tree(p, N_SHARE, @$, $1); } | name PERCENT { $$ = tree(p, N_SHARE, @$, chain($1, $2)); }
    | name STRING { $$ = tree(p, N_SHARE, @$, chain($1, $2)); }
    | PROXY INLINE { $$ = tree(p, N_SHARE, @$, name_node(p, text_of(p, @1), @1)); }
    | REJECT { $$ = tree(p, N_SHARE, @1, name_node(p, text_of(p, @1), @1)); }
    ;
no_server: name { $$ = one_of(p, $1, "`on no server`", (const enum clause[]){ CL_RESET, CL_DROP, CL_PASS, CL_NONE }); }
    | DROP { $$ = choice(p, CL_DROP, @1); } ;

mss_clamp: MSS CLAMP AUTO { $$ = clause(p, CL_MSS_CLAMP, span_join(@1, @2), choice(p, CL_AUTO, @3)); }
    | MSS CLAMP scalar { $$ = clause(p, CL_MSS_CLAMP, span_join(@1, @2), segment_size(p, $3)); }
    ;

nat_body: %empty { $$ = NULL; } | nat_items { $$ = $1->first; } ;
nat_items: nat_item { $$ = statement_done(p, NULL, $1); }
    | nat_items nat_item { $$ = statement_done(p, $1, $2); }
    | error NL { $$ = statement_broken(p, NULL); yyerrok; }
    | nat_items error NL { $$ = statement_broken(p, $1); yyerrok; }
    ;
nat_item: NL { $$ = NULL; } | nat_stmt NL ;
nat_stmt: MASQUERADE nat_conds ports_opt { $$ = clause(p, CL_MASQUERADE, @1, chain(kids($2), $3)); }
    | SOURCE nat_conds ports_opt { $$ = nat_source(p, @1, $2, NULL, $3); }
    | SOURCE nat_conds ARROW list ports_opt
        { $$ = nat_source(p, @1, $2,
                          clause(p, CL_TO, @3, want_list(p, $4, W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME, "`->`")),
                          $5); }
    | FORWARD elem forward_conds forward_list ARROW scalar
        { $$ = clause(p, CL_FORWARD, @1,
                      chain(chain(want(p, $2, W_ADDR | W_NAME | W_SELF | W_ANY, "`forward`"),
                                  chain(kids($3), $4->first)),
                            clause(p, CL_TO, @5, want(p, $6, W_ADDR | W_ENDPOINT | W_NAME, "`->`")))); }
    | FORWARD elem forward_conds forward_list ARROW named_port
        { $$ = clause(p, CL_FORWARD, @1,
                      chain(chain(want(p, $2, W_ADDR | W_NAME | W_SELF | W_ANY, "`forward`"),
                                  chain(kids($3), $4->first)),
                            clause(p, CL_TO, @5, $6))); }
    | MAP scalar MAPS_TO scalar map_on
        { $$ = clause(p, CL_MAP, @1,
                      chain(chain(want(p, $2, W_PREFIX | W_ADDR | W_NAME, "`map`"),
                                  want(p, $4, W_PREFIX | W_ADDR | W_NAME, "`<->`")), $5)); }
    | mss_clamp
    | mss_clamp left_on { $$ = adopt($1, $2); }
    ;
nat_conds: nat_cond { $$ = nat_conds_more(p, NULL, $1); } | nat_conds nat_cond { $$ = nat_conds_more(p, $1, $2); } ;
nat_cond: protos
    | PROTO list { $$ = condition(p, N_C_PROTO_NUM, @$, $2, W_NUMBERS, "`proto`"); }
    | nots PROTO list
        { $$ = condition(p, N_C_PROTO_NUM, @$, list_outer_not(p, $3, @1, $1.count, $1.second), W_NUMBERS, "`proto`"); }
    | FROM list { $$ = tree(p, N_C_FROM, @$, want_list(p, $2, W_ADDRS, "`from`")); }
    | TO to_list { $$ = tree(p, N_C_TO, @$, want_list(p, $2, W_ADDRS, "`to`")); }
    | TO PORT list { $$ = tree(p, N_C_PORT, @$, want_list(p, $3, W_NUMBERS, "`port`")); }
    | PORT list { $$ = tree(p, N_C_PORT, @$, want_list(p, $2, W_NUMBERS, "`port`")); }
    | SOURCE PORT list { $$ = tree(p, N_C_SPORT, @$, want_list(p, $3, W_NUMBERS, "`source port`")); }
    | came_on
    | left_on
    ;
forward_conds: %empty { $$ = NULL; } | forward_conds forward_cond { $$ = append(p, $1, $2); } ;
forward_cond: came_on | FROM list { $$ = tree(p, N_C_FROM, @$, want_list(p, $2, W_ADDRS, "`from`")); } ;
/* `on` is the older form of `out on` in a map. */
map_on: %empty { $$ = NULL; }
    | left_on
    | ON list { $$ = condition(p, N_C_OUT_ON, @$, $2, W_STRING | W_NAME, "`on`"); }
    ;
forward_list: forward_proto { $$ = list_of(p, $1, @1); }
    | forward_list COMMA forward_proto { $$ = list_more($1, $3, @3); } ;
forward_proto: endpoint
    | PROTO elem { $$ = tree(p, N_C_PROTO_NUM, @$, want(p, $2, W_INT | W_NAME, "`proto`")); }
    | spoken { $$ = tree(p, N_C_PROTO_NUM, @1, name_node(p, text_of(p, @1), @1)); }
    ;

/* ---- tests ---- */

test_body: %empty { $$ = NULL; } | test_items { $$ = $1->first; } ;
test_items: test_item { $$ = statement_done(p, NULL, $1); }
    | test_items test_item { $$ = statement_done(p, $1, $2); }
    | error NL { $$ = statement_broken(p, NULL); yyerrok; }
    | test_items error NL { $$ = statement_broken(p, $1); yyerrok; }
    ;
test_item: NL { $$ = NULL; } | test_stmt NL ;
test_stmt: EXPECT expected state_opt COLON subject { $$ = step(p, CL_EXPECT, @1, chain(chain($2, $3), $5)); }
    | EXPECT expected BY name COLON subject
        { $$ = step(p, CL_EXPECT, @1, chain(chain($2, clause(p, CL_BY, @3, $4)), $6)); }
    | EXPECT expected BY name STATE name COLON subject
        { $$ = step(p, CL_EXPECT, @1,
                    chain(chain($2, clause(p, CL_BY, @3, $4)), chain(clause(p, CL_STATE, @5, $6), $8))); }
    | EXPECT expected BY name COLON INT state_opt COLON subject
        { $$ = step(p, CL_EXPECT, @1, chain(chain($2, clause(p, CL_BY, @3, chain($4, $6))), chain($7, $9))); }
    | EXPECT expected BY DEFAULT state_opt COLON subject
        { $$ = step(p, CL_EXPECT, @1,
                    chain(chain($2, clause(p, CL_BY, @3, choice(p, CL_DEFAULT, @4))), chain($5, $7))); }
    | EXPECT copied COLON subject { $$ = step(p, (enum clause)$2, span_join(@1, @2), $4); }
    | EXPECT copied BY name COLON subject
        { $$ = step(p, (enum clause)$2, span_join(@1, @2), chain(clause(p, CL_BY, @3, $4), $6)); }
    | EXPECT copied BY name COLON INT COLON subject
        { $$ = step(p, (enum clause)$2, span_join(@1, @2), chain(clause(p, CL_BY, @3, chain($4, $6)), $8)); }
    | EXPECT POOL name COLON subject { $$ = step(p, CL_EXPECT_POOL, span_join(@1, @2), chain($3, $5)); }
    | EXPECT ORIGINAL COLON subject { $$ = step(p, CL_EXPECT_ORIGINAL, span_join(@1, @2), $4); }
    | EXPECT PROGRAM STRING COLON subject
        { $$ = step(p, CL_EXPECT_PROGRAM, span_join(@1, @2), chain($3, $5)); }
    | EXPECT REFUSED COLON subject { $$ = step(p, CL_EXPECT_REFUSED, span_join(@1, @2), $4); }
    | EXPECT SERVER SLASHED COLON subject
        { $$ = step(p, CL_EXPECT_SERVER, span_join(@1, @2), chain(server_ref(p, $3, @3), $5)); }
    | EXPECT SPLIT name COLON_WORD split_opts
        { $$ = step(p, CL_EXPECT_SPLIT, span_join(@1, @2), chain(chain($3, colon_ratio(p, $4)), kids($5))); }
    | NEVER fate claim_opts COLON claim { $$ = step(p, CL_NEVER, @1, chain(chain($2, kids($3)), $5)); }
    | NEVER POOL name claim_opts COLON claim
        { $$ = step(p, CL_NEVER, span_join(@1, @2), chain(chain($3, kids($4)), $6)); }
    | NEVER REACH list port_opt claim_opts COLON claim
        { $$ = step(p, CL_NEVER, span_join(@1, @2),
                    chain(clause(p, CL_REACH, span_join(@2, @3),
                                 chain(tree(p, N_C_TO, @3, want_list(p, $3, W_ADDRS, "`reach`")), $4)),
                          chain(kids($5), $7))); }
    | ALWAYS fate claim_opts COLON claim { $$ = step(p, CL_ALWAYS, @1, chain(chain($2, kids($3)), $5)); }
    | LIVE name HAS scalar live_for
        { $$ = step(p, CL_LIVE, @1, chain(chain($2, want(p, $4, W_ADDR | W_PREFIX | W_NAME, "`has`")), $5)); }
    | AFTER scalar { $$ = step(p, CL_AFTER, @1, want(p, $2, W_DURATION | W_NAME, "`after`")); }
    | AT name COLON_WORD { $$ = step(p, CL_AT, @1, chain($2, colon_time(p, $3))); }
    | AT COLON_WORD { $$ = step(p, CL_AT, @1, colon_time(p, $2)); }
    | AT DATE COLON_WORD { $$ = step(p, CL_AT, @1, chain($2, colon_time(p, $3))); }
    | SERVER SLASHED DOWN { $$ = step(p, CL_SERVER, @1, chain(server_ref(p, $2, @2), choice(p, CL_DOWN, @3))); }
    | SERVER SLASHED UP { $$ = step(p, CL_SERVER, @1, chain(server_ref(p, $2, @2), choice(p, CL_UP, @3))); }
    | REPEAT scalar COLON packet { $$ = step(p, CL_REPEAT, @1, chain(want(p, $2, W_INT | W_NAME, "`repeat`"), $4)); }
    | REPEAT scalar WITHIN scalar COLON packet
        { $$ = step(p, CL_REPEAT, @1,
                    chain(chain(want(p, $2, W_INT | W_NAME, "`repeat`"),
                                clause(p, CL_WITHIN, @3, want(p, $4, W_DURATION | W_NAME, "`within`"))), $6)); }
    | reply
    | REPLAY STRING fate ALL { $$ = step(p, CL_REPLAY, @1, chain(chain($2, $3), choice(p, CL_ALL, @4))); }
    | REPLAY STRING fate GE PERCENT { $$ = step(p, CL_REPLAY, @1, chain(chain($2, $3), $5)); }
    | SELF list
        { $$ = step(p, CL_SELF, @1, want_list(p, $2, W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME, "`self`")); }
    | ROUTE scalar iface { $$ = step(p, CL_ROUTE, @1, chain(want(p, $2, W_ADDR | W_PREFIX | W_NAME, "`route`"), $3)); }
    ;
live_for: %empty { $$ = NULL; }
    | FOR scalar { $$ = clause(p, CL_FOR, @1, want(p, $2, W_DURATION | W_NAME, "`for`")); } ;
reply: REPLY packet_opts { $$ = step(p, CL_REPLY, @1, kids($2)); }
    | REPLY COLON packet { $$ = step(p, CL_REPLY, @1, $3); }
    ;
subject: packet | reply ;
state_opt: %empty { $$ = NULL; } | STATE name { $$ = clause(p, CL_STATE, @1, $2); } ;
fate: ACCEPT { $$ = choice(p, CL_ACCEPT, @1); }
    | DROP { $$ = choice(p, CL_DROP, @1); }
    | REJECT { $$ = choice(p, CL_REJECT, @1); }
    | FORWARD { $$ = choice(p, CL_FORWARD, @1); }
    | PASS { $$ = choice(p, CL_PASS, @1); }
    ;
copied: MIRRORED { $$ = CL_EXPECT_MIRRORED; } | NOT MIRRORED { $$ = CL_EXPECT_NOT_MIRRORED; } ;
expected: fate | WOULD fate { $$ = adopt($2, clause(p, CL_WOULD, @1, NULL)); } ;
split_opts: %empty { $$ = NULL; } | split_opts split_opt { $$ = append(p, $1, $2); } ;
split_opt: WITHIN scalar { $$ = clause(p, CL_WITHIN, @1, want(p, $2, W_PERCENT | W_NAME, "`within`")); }
    | OVER scalar FLOWS { $$ = clause(p, CL_OVER, @1, want(p, $2, W_INT | W_NAME, "`over`")); }
    ;

claim_opts: %empty { $$ = NULL; } | claim_opts claim_opt { $$ = append(p, $1, $2); } ;
claim_opt: STATE list { $$ = condition(p, N_C_STATE, @$, $2, W_NAME, "`state`"); }
    | OVER name { $$ = tree(p, N_C_OVER, @$, $2); }
    ;
claim: claim_proto list source_opt ARROW list port_opt claim_on
        { $$ = clause(p, CL_CLAIM, @1,
                      chain(chain($1, tree(p, N_C_FROM, @2, want_list(p, $2, W_ADDRS, "the source"))),
                            chain($3, chain(tree(p, N_C_TO, @5, want_list(p, $5, W_ADDRS, "the destination")),
                                            chain($6, $7))))); }
    ;
claim_on: %empty { $$ = NULL; } | came_on | left_on | came_on left_on { $$ = chain($1, $2); } ;
came_on: ON list { $$ = condition(p, N_C_ON, @$, $2, W_STRING | W_NAME, "`on`"); } ;
left_on: OUT ON list { $$ = condition(p, N_C_OUT_ON, @$, $3, W_STRING | W_NAME, "`out on`"); } ;
claim_proto: protos
    | PROTO elem { $$ = tree(p, N_C_PROTO_NUM, @$, want(p, $2, W_NUMBERS, "`proto`")); } ;
source_opt: %empty { $$ = NULL; }
    | PORT list { $$ = tree(p, N_C_SPORT, @$, want_list(p, $2, W_NUMBERS, "`port`")); } ;
port_opt: %empty { $$ = NULL; }
    | PORT list { $$ = tree(p, N_C_PORT, @$, want_list(p, $2, W_NUMBERS, "`port`")); } ;

packet: packet_proto packet_addr ARROW packet_addr packet_opts
        { $$ = packet(p, (enum clause)$1, @1, NULL, chain($2, $4), kids($5)); }
    | PROTO elem packet_addr ARROW packet_addr packet_opts
        { $$ = packet(p, CL_PROTO, @1, want(p, $2, W_INT | W_NAME, "`proto`"), chain($3, $5), kids($6)); }
    | spoken packet_addr ARROW packet_addr packet_opts
        { $$ = packet(p, CL_PROTO, @1, name_node(p, text_of(p, @1), @1), chain($2, $4), kids($5)); }
    ;
packet_proto: TCP { $$ = CL_TCP; } | UDP { $$ = CL_UDP; } | SCTP { $$ = CL_SCTP; }
    | ICMP { $$ = CL_ICMP; } | ICMP6 { $$ = CL_ICMP6; } | ARP { $$ = CL_ARP; } ;
packet_addr: packet_host
    | packet_host COLON const_port { $$ = clause(p, CL_ENDPOINT, @$, chain($1, $3)); }
    ;
packet_host: literal { $$ = want(p, $1, W_ADDR | W_ENDPOINT | W_NAME, "a packet"); }
    | word { $$ = name_node(p, $1, @1); }
    | SELF { $$ = leaf(p, N_SELF, @1); }
    ;
packet_opts: %empty { $$ = NULL; } | packet_opts packet_opt { $$ = append(p, $1, $2); } ;
packet_opt: tcp_flag
    | VLAN scalar { $$ = clause(p, CL_VLAN, @1, want(p, $2, W_INT | W_NAME, "`vlan`")); }
    | INNER scalar { $$ = clause(p, CL_INNER, @1, want(p, $2, W_INT | W_NAME, "`inner`")); }
    | TTL scalar { $$ = clause(p, CL_TTL, @1, want(p, $2, W_INT | W_NAME, "`ttl`")); }
    | LENGTH scalar { $$ = clause(p, CL_LENGTH, @1, want(p, $2, W_INT | W_NAME, "`length`")); }
    | AH { $$ = clause(p, CL_AH, @1, NULL); }
    | FLOWLABEL scalar { $$ = clause(p, CL_FLOWLABEL, @1, want(p, $2, W_INT | W_NAME, "`flowlabel`")); }
    | ETHER FROM scalar { $$ = clause(p, CL_ETHER_FROM, span_join(@1, @2), want(p, $3, W_MAC | W_NAME, "`ether from`")); }
    | ETHER TO scalar { $$ = clause(p, CL_ETHER_TO, span_join(@1, @2), want(p, $3, W_MAC | W_NAME, "`ether to`")); }
    | ON iface { $$ = clause(p, CL_ON, @1, $2); }
    | OUT ON iface { $$ = clause(p, CL_OUT_ON, span_join(@1, @2), $3); }
    | FRAGMENT name
        { $$ = clause(p, CL_FRAGMENT, @1,
                      one_of(p, $2, "`fragment` of a packet", (const enum clause[]){ CL_FIRST, CL_LATER, CL_NONE })); }
    | PAYLOAD scalar { $$ = clause(p, CL_PAYLOAD, @1, want(p, $2, W_BYTES | W_NAME, "`payload`")); }
    | TYPE elem { $$ = clause(p, CL_TYPE, @1, want(p, $2, W_INT | W_NAME, "`type`")); }
    | CODE elem { $$ = clause(p, CL_CODE, @1, want(p, $2, W_INT | W_NAME, "`code`")); }
    | SNI STRING { $$ = clause(p, CL_SNI, @1, $2); }
    | HOST STRING { $$ = clause(p, CL_HOST, @1, $2); }
    | PATH STRING { $$ = clause(p, CL_PATH, @1, $2); }
    | METHOD STRING { $$ = clause(p, CL_METHOD, @1, $2); }
    | HEADER STRING STRING { $$ = clause(p, CL_HEADER, @1, chain($2, $3)); }
    | ALPN STRING { $$ = clause(p, CL_ALPN, @1, $2); }
    | IN IPIP packet_addr ARROW packet_addr { $$ = clause(p, CL_IPIP, span_join(@1, @2), chain($3, $5)); }
    | IN GUE scalar packet_addr ARROW packet_addr
        { $$ = clause(p, CL_GUE, span_join(@1, @2),
                      chain(want(p, $3, W_INT | W_NAME, "`gue`"), chain($4, $6))); }
    ;
tcp_flag: flag_word { $$ = clause(p, CL_FLAG, @1, choice(p, (enum clause)$1, @1)); } ;
flag_word: FIN { $$ = CL_FIN; } | SYN { $$ = CL_SYN; } | RST { $$ = CL_RST; } | PSH { $$ = CL_PSH; }
    | ACK { $$ = CL_ACK; } | URG { $$ = CL_URG; } | ECE { $$ = CL_ECE; } | CWR { $$ = CL_CWR; } ;

%%

/* Called by bison only when memory or its stack runs out; syntax errors go through yyreport_syntax_error. */
static void yyerror(const struct span *span, struct parser *p, const char *msg)
{
    diag(p->diags, E_NESTING, *span, "the parser stopped here: %s", msg);
}

static int yyreport_syntax_error(const yypcontext_t *ctx, struct parser *p)
{
    int expected[YYNTOKENS];
    int n = yypcontext_expected_tokens(ctx, (yysymbol_kind_t *)expected, YYNTOKENS);
    syntax_error(p, (int)yypcontext_token(ctx), *yypcontext_location(ctx), expected, n > 0 ? n : 0);
    return 0;
}

const char *token_name(int kind)
{
    return yysymbol_name((yysymbol_kind_t)kind);
}
