import { debianFiles, debianPrograms } from '../busybox/image.ts';
import type { Image, Program } from '../image.ts';

const main: Program = async (process) => new Promise((resolve) => process.onSignal('SIGTERM', () => resolve(0)));
const image: Image = {
  match:
    /^quay\.io\/jupyter\/(?:docker-stacks-foundation|minimal|base|scipy|datascience|r|julia|tensorflow|pytorch|pyspark|all-spark)(?:-notebook)?$/,
  tags: /^(?:latest|\d{4}-\d\d-\d\d|(?:python|lab|notebook|hub|ubuntu)-[\d.]+|(?:x86_64|aarch64)-[\w.-]+|py3\.[\w.-]+)$/,
  names: [
    'quay.io/jupyter/minimal-notebook',
    'quay.io/jupyter/base-notebook',
    'quay.io/jupyter/scipy-notebook',
    'quay.io/jupyter/datascience-notebook',
  ],
  config: {
    entrypoint: [],
    cmd: ['start-notebook.py'],
    env: {},
    workingDir: '/home/jovyan',
    user: 1000,
    group: 100,
    exposedPorts: [8888],
  },
  programs: { ...debianPrograms, '/usr/local/bin/start-notebook.py': main },
  files: debianFiles,
};
export const jupyter: Image = image;
export const frozenJupyter: Image = {
  ...image,
  match: /^jupyter\/(?:minimal|base|scipy|datascience)-notebook$/,
  names: ['jupyter/minimal-notebook'],
};
export const onyxiaJupyter: Image = {
  ...image,
  match: /^inseefrlab\/onyxia-jupyter-python$/,
  names: ['inseefrlab/onyxia-jupyter-python'],
};
