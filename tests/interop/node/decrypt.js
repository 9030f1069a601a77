// node decrypt.js KEY_ARN SEALED PLAIN: opens a message by the Encryption SDK of JavaScript.
// AWS is reached as the environment says.
const { readFileSync, writeFileSync } = require("node:fs");
const { buildClient, CommitmentPolicy, KmsKeyringNode } = require("@aws-crypto/client-node");

async function main([key, sealed, plain]) {
    const { decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
    const { plaintext } = await decrypt(new KmsKeyringNode({ keyIds: [key] }), readFileSync(sealed));
    writeFileSync(plain, plaintext);
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1); });
