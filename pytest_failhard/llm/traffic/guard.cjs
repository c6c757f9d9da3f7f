// What runs first in a Node child: its sockets stay on loopback, what tried to leave is noted. Self-contained.
'use strict';

const dgram = require('node:dgram');
const dns = require('node:dns');
const fs = require('node:fs');
const module_ = require('node:module');
const net = require('node:net');
const os = require('node:os');

const BY_NAME = /^(lookup|lookupService|resolve.*|reverse)$/;

function networkError(code, call, where) {
  const number = {ENETUNREACH: -os.constants.errno.ENETUNREACH, ENOTFOUND: -3008}[code];
  const error = new Error(`${call} ${code} ${where}`);
  // As of a failure of the network: frames of ours would stand between the system and its message.
  error.stack = `Error: ${error.message}`;
  return Object.assign(error, {code, errno: number, syscall: call});
}

function glob(text) {
  const escaped = text.toLowerCase().replace(/[.+^${}()|\\[\]]/g, '\\$&');
  const sets = escaped.replace(/\\\[(!?)(.+?)\\\]/g, (_, not, set) => `[${not && '^'}${set}]`);
  return new RegExp(`^${sets.replace(/\*/g, '.*').replace(/\?/g, '.')}$`);
}

function hold(record, allow) {
  const here = new net.BlockList();
  here.addSubnet('127.0.0.0', 8, 'ipv4');
  for (const address of ['0.0.0.0', '::', '::1']) here.addAddress(address, `ipv${net.isIP(address)}`);
  const globs = allow.map(glob);
  const own = os.hostname().toLowerCase();
  const resolved = new Set();
  const {appendFileSync} = fs;

  const note = (...line) => appendFileSync(record, `${JSON.stringify(line)}\n`, {mode: 0o600});
  const text = (host) => String(host || '').toLowerCase().replace(/\.$/, '').replace(/^\[(.*)\]$/, '$1');
  const allowed = (name) => globs.some((each) => each.test(name));

  function isLoopback(name) {
    const address = name.split('%')[0];
    const family = net.isIP(address);
    if (family) return here.check(address, `ipv${family}`);
    return ['', 'localhost', own].includes(name) || name.endsWith('.localhost');
  }

  // The error that a host meets; null for one that passes. Names under .invalid ask no resolver.
  function refusal(call, host, port, code) {
    const name = text(host);
    if (name.endsWith('.invalid')) return networkError('ENOTFOUND', 'getaddrinfo', name);
    if (isLoopback(name) || resolved.has(name) || allowed(name)) return null;
    note('egress', name, Number(port) || 0);
    return networkError(code, call, port ? `${name}:${port}` : name);
  }

  function remember(host, found) {
    if (!allowed(text(host))) return;
    for (const each of [found].flat()) resolved.add(text(each && each.address ? each.address : each));
  }

  function byCallback(original) {
    return function guarded(host, ...rest) {
      const done = rest.at(-1);
      const error = refusal('getaddrinfo', host, 0, 'ENOTFOUND');
      if (error && typeof done !== 'function') throw error;
      if (error) return process.nextTick(done, error);
      if (typeof done === 'function') {
        rest[rest.length - 1] = (failed, ...found) => {
          if (!failed) remember(host, found[0]);
          done(failed, ...found);
        };
      }
      return original.call(this, text(host) === own ? 'localhost' : host, ...rest);
    };
  }

  function byPromise(original) {
    return async function guarded(host, ...rest) {
      const error = refusal('getaddrinfo', host, 0, 'ENOTFOUND');
      if (error) throw error;
      const found = await original.call(this, text(host) === own ? 'localhost' : host, ...rest);
      remember(host, found);
      return found;
    };
  }

  function wrapAll(owner, wrapper) {
    for (const name of Object.getOwnPropertyNames(owner)) {
      if (BY_NAME.test(name) && typeof owner[name] === 'function') owner[name] = wrapper(owner[name]);
    }
  }

  wrapAll(dns, byCallback);
  wrapAll(dns.promises, byPromise);
  for (const [resolver, wrapper] of [[dns.Resolver, byCallback], [dns.promises.Resolver, byPromise]]) {
    for (let owner = resolver.prototype; owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
      wrapAll(owner, wrapper);
    }
  }

  const {connect} = net.Socket.prototype;
  net.Socket.prototype.connect = function guarded(...given) {
    // net.connect and tls.connect give their arguments as one array.
    const [first, second] = Array.isArray(given[0]) ? given[0] : given;
    const last = (Array.isArray(given[0]) ? given[0] : given).at(-1);
    const options = first !== null && typeof first === 'object' ? first : {port: first, host: second};
    const pipe = options.path || (typeof first === 'string' && !(Number(first) >= 0));
    const host = typeof options.host === 'string' ? options.host : '';
    const error = pipe ? null : refusal('connect', host, options.port, 'ENETUNREACH');
    if (!error) return connect.apply(this, given);
    // It fails where a look-up would, so that the socket behaves as one whose network is out of reach.
    const lookup = (name, how, done) => process.nextTick(done, error);
    const nowhere = {...options, port: options.port, host: 'refused.invalid', lookup};
    return connect.call(this, nowhere, ...(typeof last === 'function' ? [last] : []));
  };

  const {send, connect: attach} = dgram.Socket.prototype;
  dgram.Socket.prototype.send = function guarded(...given) {
    const done = given.find((each) => typeof each === 'function');
    const plain = given.slice(1).filter((each) => typeof each !== 'function' && each !== undefined);
    // Message, offset, length, port, address; or without offset and length; or, once connected, alone.
    const [port, address] = typeof plain[2] === 'number' || plain.length === 3 ? plain.slice(2) : plain;
    const error = refusal('send', typeof address === 'string' ? address : '', port, 'ENETUNREACH');
    if (!error) return send.apply(this, given);
    return void process.nextTick(done || ((failed) => this.emit('error', failed)), error);
  };
  dgram.Socket.prototype.connect = function guarded(port, address, done) {
    const error = refusal('connect', typeof address === 'string' ? address : '', port, 'ENETUNREACH');
    if (!error) return attach.call(this, port, address, done);
    const last = [address, done].find((each) => typeof each === 'function');
    return void process.nextTick(last || ((failed) => this.emit('error', failed)), error);
  };

  module_.syncBuiltinESMExports();
  // A child of which nothing can be noted does not run.
  note('node', process.pid);
}
