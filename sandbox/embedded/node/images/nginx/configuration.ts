/** One directive of nginx's configuration: its words, and what its braces hold. https://nginx.org/en/docs/beginners_guide.html#conf_structure */
export interface Directive {
  name: string;
  args: string[];
  block?: Directive[];
  file: string;
  line: number;
}

/** As `nginx -t` words it, level and place included. */
export class ConfigurationError extends Error {}

interface Token {
  text: string;
  quoted: boolean;
  line: number;
}

function* tokens(source: string, file: string): Generator<Token> {
  let line = 1;
  let at = 0;
  while (at < source.length) {
    const char = source[at] as string;
    if (char === '\n') line += 1;
    if (/\s/.test(char)) at += 1;
    else if (char === '#') at = (source.indexOf('\n', at) + 1 || source.length + 1) - 1;
    else if (';{}'.includes(char)) {
      yield { text: char, quoted: false, line };
      at += 1;
    } else if (char === '"' || char === "'") {
      let text = '';
      const start = line;
      for (at += 1; source[at] !== char; at += 1) {
        if (source[at] === undefined)
          throw new ConfigurationError(`unexpected end of file, expecting ";" or "}" in ${file}:${start}`);
        if (source[at] === '\n') line += 1;
        if (source[at] === '\\' && (source[at + 1] === char || source[at + 1] === '\\')) at += 1;
        text += source[at];
      }
      at += 1;
      yield { text, quoted: true, line };
    } else {
      const text = /^(?:\$\{[^}]*\}|\\.|[^\s;{}])+/.exec(source.slice(at))?.[0] ?? char;
      yield { text, quoted: false, line };
      at += text.length;
    }
  }
  yield { text: '', quoted: false, line };
}

/** Reads one file; `include` gives the files a pattern names. */
export function parseConfiguration(
  source: string,
  file: string,
  include: (pattern: string, from: Directive) => Directive[],
): Directive[] {
  const stream = [...tokens(source, file)];
  let at = 0;
  const block = (inner: boolean): Directive[] => {
    const directives: Directive[] = [];
    for (;;) {
      const token = stream[at++] as Token;
      const bare = !token.quoted;
      if (bare && token.text === '') {
        if (inner) throw new ConfigurationError(`unexpected end of file, expecting "}" in ${file}:${token.line}`);
        return directives;
      }
      if (bare && token.text === '}') {
        if (!inner) throw new ConfigurationError(`unexpected "}" in ${file}:${token.line}`);
        return directives;
      }
      if (bare && (token.text === ';' || token.text === '{'))
        throw new ConfigurationError(`unexpected "${token.text}" in ${file}:${token.line}`);
      const directive: Directive = { name: token.text, args: [], file, line: token.line };
      for (;;) {
        const next = stream[at++] as Token;
        if (next.quoted || !['', ';', '{', '}'].includes(next.text)) directive.args.push(next.text);
        else if (next.text === ';') break;
        else if (next.text === '{') {
          directive.block = block(true);
          break;
        } else if (next.text === '')
          throw new ConfigurationError(`unexpected end of file, expecting ";" or "}" in ${file}:${next.line}`);
        else throw new ConfigurationError(`unexpected "}" in ${file}:${next.line}`);
      }
      if (directive.name === 'include') directives.push(...include(directive.args[0] ?? '', directive));
      else directives.push(directive);
    }
  };
  return block(false);
}

/** Directives that are understood or may be ignored; any other is an error, as nginx has it. */
const KNOWN = new Set(
  (
    'user worker_processes error_log pid events http worker_connections include default_type log_format access_log sendfile tcp_nopush ' +
    'tcp_nodelay keepalive_timeout gzip gzip_types gzip_min_length gzip_proxied gzip_comp_level gzip_vary gzip_http_version server listen server_name location root index alias return rewrite ' +
    'try_files autoindex error_page proxy_pass proxy_set_header proxy_http_version proxy_read_timeout proxy_connect_timeout proxy_send_timeout ' +
    'proxy_buffering proxy_buffer_size proxy_buffers proxy_redirect proxy_cache proxy_cache_path proxy_request_buffering proxy_busy_buffers_size proxy_cache_bypass proxy_hide_header proxy_next_upstream proxy_ssl_verify proxy_ssl_server_name ' +
    'add_header expires client_max_body_size client_body_buffer_size upstream keepalive least_conn ip_hash set if deny allow auth_basic auth_basic_user_file ' +
    'charset types map stub_status internal server_tokens resolver resolver_timeout ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers ' +
    'ssl_prefer_server_ciphers ssl_session_cache ssl_session_timeout etag limit_req limit_req_zone limit_conn limit_conn_zone large_client_header_buffers ' +
    'client_body_timeout client_header_timeout send_timeout types_hash_max_size server_names_hash_bucket_size multi_accept use daemon master_process ' +
    'client_body_temp_path proxy_temp_path fastcgi_temp_path uwsgi_temp_path scgi_temp_path absolute_redirect port_in_redirect real_ip_header set_real_ip_from sub_filter sub_filter_once ' +
    'default hostnames load_module env worker_rlimit_nofile stream http2 underscores_in_headers ignore_invalid_headers merge_slashes open_file_cache reset_timedout_connection limit_except break log_not_found'
  ).split(' '),
);
const FREE = new Set(['types', 'map', 'upstream']);

export function checkDirectives(directives: Directive[]): void {
  for (const directive of directives) {
    const place = `in ${directive.file}:${directive.line}`;
    if (!KNOWN.has(directive.name) && !(directive.name === 'server'))
      throw new ConfigurationError(`unknown directive "${directive.name}" ${place}`);
    if (
      ['listen', 'root', 'proxy_pass', 'return', 'server_name'].includes(directive.name) &&
      directive.args.length === 0
    )
      throw new ConfigurationError(`invalid number of arguments in "${directive.name}" directive ${place}`);
    if (
      ['server', 'location', 'http', 'events'].includes(directive.name) &&
      !directive.block &&
      directive.args.length < 2 &&
      directive.name !== 'server'
    )
      throw new ConfigurationError(`directive "${directive.name}" has no opening "{" ${place}`);
    if (directive.name === 'proxy_pass' && !/^(https?:\/\/|\$)/.test(directive.args[0] ?? ''))
      throw new ConfigurationError(`invalid URL prefix ${place}`);
    if (directive.block && !FREE.has(directive.name)) checkDirectives(directive.block);
  }
}

export function all(directives: Directive[], name: string): Directive[] {
  return directives.filter((directive) => directive.name === name);
}

/** The value of the innermost of nested blocks that sets it. */
export function inherited(scopes: Directive[][], name: string): Directive | undefined {
  return scopes
    .toReversed()
    .map((scope) => scope.findLast((directive) => directive.name === name))
    .find((directive) => directive !== undefined);
}
