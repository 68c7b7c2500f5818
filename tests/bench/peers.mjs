// node peers.mjs duckdb|chdb FOLDER: the same question to a data base; prints how many rows.
import { createRequire } from 'node:module';
const require = createRequire(process.env.BENCH_NODE + '/');
const [which, folder] = process.argv.slice(2);
if (which === 'duckdb') {
  const { DuckDBInstance } = require('@duckdb/node-api');
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  const type = `STRUCT(eventName VARCHAR, sourceIPAddress VARCHAR, userAgent VARCHAR, userIdentity STRUCT("type" VARCHAR, userName VARCHAR),
    responseElements STRUCT(accessKey STRUCT(accessKeyId VARCHAR, "status" VARCHAR, createDate VARCHAR)))[]`;
  const r = await db.runAndReadAll(`SELECT r.sourceIPAddress, r.userIdentity.userName, r.userAgent, r.responseElements.accessKey.accessKeyId
    FROM (SELECT unnest(Records) AS r FROM read_json('${folder}/*.json.gz', columns={Records: '${type.replaceAll('\n', ' ')}'},
    maximum_object_size=100000000)) WHERE r.eventName = 'CreateAccessKey' AND r.userIdentity."type" = 'IAMUser'`);
  console.log(r.getRows().length);
} else {
  const { query } = require('chdb');
  const out = query(`SELECT JSONExtractString(r, 'sourceIPAddress'), JSONExtractString(r, 'userIdentity', 'userName'), JSONExtractString(r, 'userAgent'),
    JSONExtractString(r, 'responseElements', 'accessKey', 'accessKeyId')
    FROM (SELECT arrayJoin(JSONExtractArrayRaw(line, 'Records')) AS r FROM file('${folder}/*.json.gz', 'LineAsString', 'line String')
    WHERE match(line, 'CreateAccessKey|\\\\\\\\u00[4-7]')) WHERE match(r, 'CreateAccessKey|\\\\\\\\u00[4-7]')
    AND JSONExtractString(r, 'eventName') = 'CreateAccessKey' AND JSONExtractString(r, 'userIdentity', 'type') = 'IAMUser'`, 'CSV');
  const text = typeof out === 'string' ? out : Buffer.from(out).toString();
  console.log(text.split('\n').filter(Boolean).length);
}
