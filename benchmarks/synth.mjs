// The resources of a cloud assembly made once more, in Node: node synth.mjs ASSEMBLY OUTPUT
// It reads what the Python app wrote, so that both make the same resources; reading counts as making them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, DefaultStackSynthesizer, Stack } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";

const [assembly, outdir] = process.argv.slice(2);
const { artifacts } = JSON.parse(readFileSync(join(assembly, "manifest.json")));
const app = new App({ outdir, analyticsReporting: false, treeMetadata: false });
for (const [id, artifact] of Object.entries(artifacts)) {
  if (artifact.type !== "aws:cloudformation:stack") continue;
  const [account, region] = artifact.environment.replace("aws://", "").split("/");
  // The rule that Stack would add stands in the template already.
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, id, { env: { account, region }, tags: artifact.properties.tags, synthesizer });
  new CfnInclude(stack, "All", { templateFile: join(assembly, artifact.properties.templateFile) });
}
app.synth();
